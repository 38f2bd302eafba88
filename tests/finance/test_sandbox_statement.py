"""The sandbox's bank receives its payouts; each damage to a statement is seen in what is matched."""

from calendar import timegm
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from core.events.projections.payouts import payout as projected
from core.events.registry import Snapshot
from core.finance.bank import deposits, reading
from core.finance.bank.demo_statement import import_days_until
from core.finance.bank_days import is_bank_day
from core.money import Money
from core.sandbox.objects import payouts as sandbox_payouts
from core.sandbox.traffic import bank_statement
from tests.finance.deposits import NOW, take

FIRST, LAST = date(2026, 11, 16), date(2026, 11, 30)  # Thanksgiving is 26 November


def payouts():
    """A payout of each midnight of the two weeks, in dollars and every third in yen; paid on its arrival."""
    found = []
    for n in range((LAST - FIRST).days):
        midnight = timegm((FIRST + timedelta(days=n)).timetuple())
        for currency in ("usd", "jpy") if n % 3 == 0 else ("usd",):
            made = sandbox_payouts.build(f"po_{currency}{n:012}", 10_000 + 7 * n, currency, midnight)
            trace = {"status": "supported", "value": f"{currency.upper()}{n:09}TR"}
            found.append(made | {"status": "paid", "trace_id": trace})
    return found


@pytest.fixture
def mirrored(database, owner):
    made = payouts()
    rows = [projected(Snapshot(each, NOW, "fetch", False))["payouts"][0] for each in made]
    database.call("load_records", records={"payouts": rows})
    return made


def unpaid(owner):
    return [
        payout_id
        for (payout_id,) in owner.execute(
            "select p.id from payops.payouts as p where p.arrival_date <= %s and not exists"
            " (select from payops.payout_deposits as d where d.payout_id = p.id) order by p.id",
            (LAST,),
        )
    ]


def import_postings(database, postings):
    by_currency = {}
    for posting in postings:
        by_currency.setdefault(posting.amount.currency, []).append(posting)
    return take(database, bank_statement.camt053(by_currency, since=FIRST, until=LAST))


def test_a_payout_arrives_on_the_next_bank_day():
    tuesday_night = timegm(datetime(2026, 11, 25, tzinfo=UTC).timetuple())  # of Wednesday, before Thanksgiving
    assert datetime.fromtimestamp(sandbox_payouts.arrival(tuesday_night), UTC) == datetime(2026, 11, 27, tzinfo=UTC)


def test_an_undamaged_statement_has_each_payouts_deposit_on_its_day(database, owner, mirrored):
    data = bank_statement.statement(mirrored, since=FIRST, until=LAST)
    imported = take(database, data)
    arrived = [each for each in mirrored if each["arrival_date"] <= timegm(LAST.timetuple())]
    assert len(imported.entries) == len(arrived) > 10
    assert {entry.matched_by for entry in imported.entries} == {"trace_id"}
    assert unpaid(owner) == [] and deposits.unmatched(database) == []
    assert {each["days_late"] for each in deposits.matched(database)} == {0}
    assert all(is_bank_day(entry.booked_on) for entry in imported.entries)
    assert sum(each.others for each in imported.statements) > 3  # rent and wires of others
    for each in reading.read("s.xml", data).statements:
        assert each.opening is not None and each.closing is not None  # and they add up, or it were refused


def test_each_damage_is_seen(database, owner, mirrored):
    postings = bank_statement.deposits(mirrored, until=LAST)
    missing, short, doubled, late = (
        next(each for each in postings if each.reference == f"USD{n:09}TR") for n in (1, 3, 4, 8)
    )
    assert late.day == date(2026, 11, 25)  # Wednesday; the bank is closed on Thursday
    damaged = [each for each in postings if each not in (missing, short, late)]
    damaged += [replace(short, amount=short.amount - Money(100, "usd")), doubled, replace(late, day=date(2026, 11, 27))]
    import_postings(database, damaged)
    assert unpaid(owner) == ["po_usd000000000001"]
    found = {}
    for each in deposits.matched(database):
        found.setdefault(each["payout_id"], []).append((each["amount_minor"] - each["payout_minor"], each["days_late"]))
    assert found.pop("po_usd000000000003") == [(-100, 0)]
    assert found.pop("po_usd000000000004") == [(0, 0), (0, 0)]
    assert found.pop("po_usd000000000008") == [(0, 1)]
    assert set(map(tuple, found.values())) == {((0, 0),)}


def test_the_demo_imports_each_day_once(database, owner, mirrored):
    asked = []

    def write(since, until):
        asked.append(since)
        return bank_statement.statement(mirrored, since=max(since, FIRST), until=until)

    first = import_days_until(database, write, date(2026, 11, 24), NOW)
    assert import_days_until(database, write, date(2026, 11, 24), NOW) == 0
    rest = import_days_until(database, write, LAST, NOW)
    assert (first > 0, rest > 0, unpaid(owner)) == (True, True, [])
    assert asked == [date(2000, 1, 1), date(2026, 11, 14), date(2026, 11, 14)]
    assert import_days_until(database, lambda *_: None, LAST, NOW) == 0
