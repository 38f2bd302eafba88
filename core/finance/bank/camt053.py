"""Reads CAMT.053, ISO 20022's bank statement in XML, in every version from 02 to 13."""

import re
from collections.abc import Iterator
from datetime import date, timedelta

from lxml import etree  # type: ignore[import-untyped]

from core.finance.bank.camt_details import Details, details_of
from core.finance.bank.statements import (
    Entry,
    Statement,
    Unreadable,
    currency_of,
    day_of,
    decimal_of,
    money_of,
    reference_of,
)
from core.finance.bank.xml_elements import Element, child, children, find, line_of, local_name, text_of, texts_of
from core.money import Money

VERSIONS = range(2, 14)
OPENINGS, CLOSINGS = ("OPBD", "PRCD"), ("CLBD",)
PENDING, BOOKED = ("PDNG", "FUTR"), "BOOK"
_MESSAGE = re.compile(r"\b(camt|pain|pacs|head)\.(\d{3})\.001\.(\d{2})$")
_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:T[\d:.]+)?(?:Z|[+-]\d{2}:\d{2})?", re.ASCII)


def read(data: bytes) -> list[Statement]:
    """The statements in the order of the file; pages of one statement are joined."""
    root = _parsed(data)
    documents = [element for element in find(root, "Document") if _is_document(element)]
    if not documents:
        raise Unreadable(line_of(root), _no_statement(root))
    found = [_statement(each) for document in documents for each in find(document, "Stmt")]
    if not found:
        raise Unreadable(line_of(documents[0]), "the file holds no statement (Stmt)")
    return list(_joined(found))


def _parsed(data: bytes) -> Element:
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip
    try:
        root: Element = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        line = error.lineno or 1
        raise Unreadable(line, f"the XML breaks off or is damaged here ({_plain(error.msg)})") from None
    document = root.getroottree().docinfo
    if document.doctype or document.internalDTD is not None:
        raise Unreadable(1, "the file declares a document type or entities, which no bank statement does")
    return root


def _plain(message: str | None) -> str:
    """The parser's message without quotations from the file."""
    known = {
        "entit": "an entity",
        "encod": "its bytes do not fit its encoding",
        "utf-8": "its bytes do not fit its encoding",
        "premature end": "the end is missing",
        "mismatch": "a closing tag is missing",
        "huge": "it is nested or repeated too much",
        "depth": "it is nested too deeply",
    }
    lowered = (message or "").lower()
    return next((plain for key, plain in known.items() if key in lowered), "it is not well-formed XML")


def _is_document(element: Element) -> bool:
    message = _MESSAGE.search(etree.QName(element).namespace or "")
    if not message or message[1] != "camt" or message[2] != "053":
        return False
    if int(message[3]) not in VERSIONS:
        raise Unreadable(
            line_of(element), f"version {message[3]} of CAMT.053 is not supported; 02 to 13 are. Ask the bank for 08"
        )
    return True


def _no_statement(root: Element) -> str:
    message = next(
        (found for each in root.iter("{*}Document") if (found := _MESSAGE.search(etree.QName(each).namespace or ""))),
        None,
    )
    if message and message[1] == "camt" and message[2] in ("052", "054"):
        kind = "an intraday report" if message[2] == "052" else "a notification of single entries"
        return f"this is {kind} (CAMT.{message[2]}), not a statement; export CAMT.053"
    if message:
        return f"this is {message[1]}.{message[2]}, not a bank statement; export CAMT.053"
    return f"this is XML, but not CAMT.053: its root element is {local_name(root)[:40]}"


def _statement(element: Element) -> tuple[Statement, str, bool]:
    """The statement, a key that is the same for all its pages, and whether it has several pages."""
    line, account = line_of(element), child(element, "Acct")
    identity = child(account, "Id")
    number = text_of(identity, "IBAN") or text_of(identity, "Othr", "Id")
    balances = list(_balances(element))
    currency = text_of(account, "Ccy") or next((money.currency for _, money, _ in balances), None)
    entries = [entry for each in children(element, "Ntry") for entry in _entries(each, currency)]
    if currency is None and entries:
        currency = entries[0].amount.currency
    opening = next((money for kind, money, _ in balances if kind in OPENINGS), None)
    closing = next((money for kind, money, _ in reversed(balances) if kind in CLOSINGS), None)
    period, days = child(element, "FrToDt"), [day for _, _, day in balances if day]
    reference = text_of(element, "Id")
    found = Statement(
        line=line,
        account_number=number,
        currency=currency_of(currency, line, "the account's currency"),
        entries=tuple(entries),
        reference=reference,
        from_date=_first_day(period, "FrDtTm", "FrDt") or _start(entries, balances),
        to_date=_first_day(period, "ToDtTm", "ToDt") or max([*days, *_booked_days(entries)], default=None),
        opening=opening,
        closing=closing,
        lists_pending=any(entry.is_pending for entry in entries),
    )
    sequence = text_of(element, "ElctrncSeqNb") or text_of(element, "LglSeqNb")
    pagination = child(element, "StmtPgntn")
    key = f"{number}|{found.currency}|{sequence or reference}"
    return found, key, pagination is not None


def _start(entries: list[Entry], balances: list[tuple[str, Money, date | None]]) -> date | None:
    """The first day of the statement: that of its opening balance, or the day after a previous closing balance. At the
    latest, its last day or the day of its first booked entry.
    """
    dated = [(kind, day) for kind, _, day in balances if day]
    if not dated:
        return min(_booked_days(entries), default=None)
    last = max(day for _, day in dated)
    starts = [day + timedelta(days=kind == "PRCD") for kind, day in dated if kind in OPENINGS]
    return min([*_booked_days(entries), *starts, last])


def _booked_days(entries: list[Entry]) -> list[date]:
    return [entry.booked_on for entry in entries if not entry.is_pending]


def _joined(found: list[tuple[Statement, str, bool]]) -> Iterator[Statement]:
    """Joins the pages of a statement; the first page has the opening balance, the last one the closing balance."""
    open_pages: dict[str, Statement] = {}
    for statement, key, is_page in found:
        if not is_page:
            yield statement
        elif key in open_pages:
            first = open_pages[key]
            open_pages[key] = Statement(
                line=first.line,
                account_number=first.account_number,
                currency=first.currency,
                entries=first.entries + statement.entries,
                reference=first.reference,
                from_date=min(filter(None, (first.from_date, statement.from_date)), default=None),
                to_date=max(filter(None, (first.to_date, statement.to_date)), default=None),
                opening=first.opening or statement.opening,
                closing=statement.closing or first.closing,
                lists_pending=first.lists_pending or statement.lists_pending,
            )
        else:
            open_pages[key] = statement
    yield from open_pages.values()


def _balances(element: Element) -> Iterator[tuple[str, Money, date | None]]:
    for balance in children(element, "Bal"):
        kind = text_of(balance, "Tp", "CdOrPrtry", "Cd") or ""
        if kind in (*OPENINGS, *CLOSINGS):
            yield kind, _signed(balance, None, "the balance"), _day(child(balance, "Dt"))


def _entries(element: Element, currency: str | None) -> Iterator[Entry]:
    """The entry, or the parts of a batch if they have amounts that add up to the entry's."""
    line = line_of(element)
    status = (
        text_of(element, "Sts", "Cd") or text_of(element, "Sts", "Prtry") or text_of(element, "Sts") or BOOKED
    ).upper()
    if status not in (BOOKED, *PENDING):
        return  # for information only
    amount = _signed(element, currency, "the entry's amount")
    if not amount.minor:
        return
    value_on = _day(child(element, "ValDt"))
    booked_on = _day(child(element, "BookgDt")) or value_on
    if booked_on is None:
        raise Unreadable(line, "the entry has neither a booking date nor a value date")
    reversal = (text_of(element, "RvslInd") or "").lower() in ("true", "1")
    whole = texts_of(element, "AddtlNtryInf")
    for part in _parts(details_of(element, amount), amount):
        yield Entry(
            line=part.line or line,
            amount=part.amount or amount,
            booked_on=booked_on,
            value_on=value_on,
            is_pending=status in PENDING,
            is_return=part.is_return or reversal and amount.minor < 0,
            bank_id=part.bank_id
            or reference_of(text_of(element, "AcctSvcrRef"))
            or reference_of(text_of(element, "NtryRef")),
            references=part.references,
            texts=part.texts + tuple(whole),
        )


def _parts(details: list[Details], amount: Money) -> list[Details]:
    """The parts of a batch if their amounts add up to the entry's, else one part with all details. If some of these
    name Stripe, only those are in it, since the others are about other people's payments.
    """
    amounts = [each.amount for each in details]
    same = all(each is not None and each.currency == amount.currency for each in amounts)
    if len(details) > 1 and same and sum(each.minor for each in amounts if each) == amount.minor:
        return details
    stripes = [each for each in details if any("STRIPE" in text.upper() for text in each.texts)]
    return [Details.together(stripes or details)]


def _signed(element: Element, currency: str | None, what: str) -> Money:
    written = child(element, "Amt")
    line = line_of(element if written is None else written)
    if written is None:
        raise Unreadable(line, f"{what} (Amt) is missing")
    code = currency_of(written.get("Ccy") or currency, line, f"{what}: the currency")
    value = decimal_of((written.text or "").strip(), line, what)
    direction = text_of(element, "CdtDbtInd")
    if direction not in ("CRDT", "DBIT"):
        raise Unreadable(line, f"{what} says neither CRDT nor DBIT (CdtDbtInd)")
    return money_of(value if direction == "CRDT" else -value, code, line, what)


def _first_day(element: Element | None, *names: str) -> date | None:
    return next((day for name in names if (day := _written_day(child(element, name)))), None)


def _day(element: Element | None) -> date | None:
    """The date of an element that contains a date or a time, in the bank's own time zone."""
    if element is None:
        return None
    return _written_day(child(element, "Dt")) or _written_day(child(element, "DtTm"))


def _written_day(element: Element | None) -> date | None:
    if element is None or not (element.text or "").strip():
        return None
    written = _DATE.fullmatch((element.text or "").strip())
    if not written:
        raise Unreadable(line_of(element), f"{local_name(element)} is not a date")
    return day_of(int(written[1]), int(written[2]), int(written[3]), line_of(element), local_name(element))
