"""Payouts in the mirror and small bank statements about them, for the tests of imports and matching."""

from datetime import UTC, datetime

from core.finance.bank.imports import import_file
from core.staff.roles import Actor, Role

FINANCE = Actor("staff:fin", Role.FINANCE)
NOW = datetime(2026, 12, 5, 12, tzinfo=UTC)
TRACE = "091000015238422"


def add_payout(owner, payout_id, amount_minor, arrival, **columns):
    """One payout in the mirror, paid unless it is said otherwise."""
    row = {
        "id": payout_id, "created": NOW, "as_of": NOW, "state_rank": 0, "event_id": f"evt_{payout_id}",
        "livemode": False, "amount_minor": amount_minor, "currency": "usd", "status": "paid", "arrival_date": arrival,
        "automatic": True, "trace_id": None, "trace_id_status": "pending", "method": "standard",
    } | columns  # fmt: skip
    places = ", ".join(["%s"] * len(row))
    owner.execute(f"insert into payops.payouts ({', '.join(row)}) values ({places})", list(row.values()))


def statement(*entries, account="000123456789", currency="USD", status="BOOK", number="1"):
    """A CAMT.053 of entries `(day, amount, text)`, or `(day, amount, text, status)`; amounts are signed."""
    written = []
    for day, amount, text, *own_status in entries:
        mark = "DBIT" if amount.startswith("-") else "CRDT"
        written.append(
            f'<Ntry><Amt Ccy="{currency}">{amount.lstrip("-")}</Amt><CdtDbtInd>{mark}</CdtDbtInd>'
            f"<Sts><Cd>{(own_status or [status])[0]}</Cd></Sts><BookgDt><Dt>{day}</Dt></BookgDt>"
            f"<NtryDtls><TxDtls><RmtInf><Ustrd>{text}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>\n"
        )
    return (
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><Stmt>\n'
        f"<Id>S{number}</Id><Acct><Id><Othr><Id>{account}</Id></Othr></Id><Ccy>{currency}</Ccy></Acct>\n"
        f"{''.join(written)}</Stmt></BkToCstmrStmt></Document>"
    ).encode()


def take(database, data, name="statement.xml", **how):
    return import_file(database, FINANCE, name, data, NOW, **how)


def stored(owner):
    """Every entry: day, minor units, status, reference, text, return."""
    return owner.execute(
        "select booked_on::text, amount_minor, status, reference, description, is_return from payops.bank_entries"
        " order by booked_on, id"
    ).fetchall()


def pairs(owner):
    """Which payout each entry was matched to: amount, payout, how."""
    return owner.execute(
        "select e.amount_minor, d.payout_id, d.matched_by from payops.payout_deposits as d"
        " join payops.bank_entries as e on e.id = d.bank_entry_id order by e.booked_on, e.id"
    ).fetchall()
