"""Closing a month freezes its figures; whatever changes it later is shown; a day is one day in every time zone."""

import json
from datetime import date, datetime, timedelta
from hashlib import sha256
from zoneinfo import ZoneInfo

import psycopg
import pytest

from core.finance import months
from tests.finance.reconciling import month as damaging

BORDERS = (
    "2026-11-01 04:30Z",
    "2026-11-01 05:30Z",
    "2026-11-01 06:30Z",
    "2026-10-31 23:59:59Z",
    "2026-11-01 10:00Z",
    "2026-10-31 18:29:59Z",
    "2026-10-31 18:30Z",
    "2024-02-29 23:30Z",
    "2024-02-29 04:59:59Z",
    "2024-03-01 04:59Z",
    "2026-03-08 06:59:59Z",
    "2026-03-08 07:00Z",
    "2026-12-31 23:59:59Z",
)
NOVEMBER, OCTOBER = date(2026, 11, 1), date(2026, 10, 1)


def close(month, first_day, now=None):
    return month.value("select payops_api.close_month('staff:fin', 'finance', %s, %s)", first_day, now or month.now)


def changes(month):
    found = month.value("select payops_api.reconciled_months(%s)", month.now)
    return {each["month"]: [change["path"] for change in each["changes"]] for each in found if each["changes"]}


def test_a_closed_months_hash_is_of_its_figures_and_the_month_stays_as_it_was(month):
    closed = close(month, OCTOBER)
    figures = month.value("select figures from payops.closed_months where month = %s", OCTOBER)
    text = json.dumps(figures, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert closed["sha256"] == sha256(text.encode()).hexdigest()
    assert changes(month) == {}
    said = month.rows("select actor, action, subject from payops.audit_log order by id desc limit 1")
    assert said == [("staff:fin", "finance:month:closed", "month:2026-10")]


def test_a_change_to_a_closed_month_is_shown_as_an_incident_until_repaired(month):
    movement, charge, *_ = month.rows(damaging.PAID_OUT.replace("2026-11-03", "2026-10-05") + " order by b.created")[0]
    close(month, OCTOBER)
    month.run("savepoint closed")
    month.run(
        "update payops.balance_transactions set fee_minor = fee_minor + 7, net_minor = net_minor - 7 where id = %s",
        movement,
    )
    month.reconcile()
    told = changes(month)["2026-10-01"]
    assert "/currencies/usd/closing_minor" in told and "/currencies/usd/categories/charge/fee_minor" in told
    assert month.rows("select kind from payops.incidents where resolved_at is null and kind like 'closed%%'") == [
        ("closed_month_changed",)
    ]
    found = month.value("select payops_api.reconciliation('2026-10-01', '2026-10-31')")
    assert [each["month"] for each in found["changed_months"]] == ["2026-10-01"]
    said = {
        each.figure: (each.closed, each.now) for each in map(months.in_words, found["changed_months"][0]["changes"])
    }
    assert {"USD: Closing balance", "USD: Stripe's category charge, fees"} <= set(said)
    assert all(was.startswith("$") and now.startswith("$") and was != now for was, now in said.values())
    month.run("rollback to savepoint closed")
    assert changes(month) == {}


@pytest.mark.parametrize(
    ("path", "closed", "now", "said"),
    [
        ("lines/charge/stripe_minor", "500", "501", ("JPY: Payments, Stripe's balance", "¥500", "¥501")),
        ("payouts/payouts", "3", "4", ("JPY: Payouts, number", "3", "4")),
        ("deposits/amount_minor", None, "-7", ("JPY: Deposits at the bank, amount", "", "-¥7")),
        ("something/new_minor", "1", None, ("JPY: something, new minor", "¥1", "")),
    ],
)
def test_a_changed_figure_is_told_in_words_and_major_units(path, closed, now, said):
    told = months.in_words({"path": f"/currencies/jpy/{path}", "closed": closed, "now": now})
    assert (told.figure, told.closed, told.now) == said


def test_a_month_is_closed_only_when_it_is_over_and_nothing_of_it_is_open(month):
    for first_day, now, code in [
        (NOVEMBER, None, "month_not_over"),
        (date(2026, 10, 2), None, "month_not_over"),
    ]:
        month.run("savepoint asked")
        with pytest.raises(psycopg.errors.RaiseException, match=code):
            close(month, first_day, now)
        month.run("rollback to savepoint asked")
    movement, *_ = month.rows(damaging.PAID_OUT.replace("2026-11-03", "2026-10-05") + " order by b.created")[0]
    month.run("savepoint whole")
    month.run("delete from payops.balance_transactions where id = %s", movement)
    month.run("savepoint damaged")
    with pytest.raises(psycopg.errors.RaiseException, match="mismatches_open"):
        close(month, OCTOBER)
    month.run("rollback to savepoint damaged")
    month.reconcile()
    (key,) = month.rows("select key from payops.mismatches where state = 'open'")[0]
    accept = "select payops_api.accept_mismatch('staff:fin', 'finance', %s, 'Stripe says it is theirs', %s)"
    month.run(accept, key, month.now)
    close(month, OCTOBER)
    month.run("select payops_api.reopen_month('staff:adm', 'admin', %s, 'The fee was wrong', %s)", OCTOBER, month.now)
    close(month, OCTOBER)
    assert month.value("select count(*) from payops.closed_months") == 2


def test_an_accepted_mismatch_stays_accepted_until_its_facts_change_and_a_mended_one_is_fixed(month):
    movement, charge, *_ = month.rows(damaging.PAID_OUT + " order by b.created")[0]
    month.run("update payops.charges set amount_minor = amount_minor + 5 where id = %s", charge)
    month.reconcile()
    key = f"amount:{movement}"
    accept = "select payops_api.accept_mismatch('staff:fin', 'finance', %s, 'Agreed with Stripe', %s)"
    month.run(accept, key, month.now)
    state = "select state from payops.mismatches where key = %s"
    month.run("select payops.mark_all_unreconciled()")
    month.reconcile()
    assert month.value(state, key) == "accepted"
    month.run("update payops.charges set amount_minor = amount_minor + 1 where id = %s", charge)
    month.reconcile()
    assert month.value(state, key) == "open"
    month.run("update payops.charges set amount_minor = amount_minor - 6 where id = %s", charge)
    month.reconcile()
    assert month.value(state, key) == "fixed"
    assert month.value("select count(*) from payops.incidents where kind = 'mismatch' and resolved_at is null") == 0


@pytest.mark.parametrize("zone", ["America/New_York", "Pacific/Honolulu", "Asia/Kolkata"])
def test_every_payment_is_in_one_day_and_the_days_add_up_in_every_zone(month, zone):
    """The plain model: each movement's day by Python's own calendar, at clock changes and the end of months too."""
    movements = [
        each
        for (each,) in month.rows(
            "select id from payops.balance_transactions where reporting_category = 'charge' and currency = 'usd'"
            " order by id limit %s",
            len(BORDERS),
        )
    ]
    for movement, at in zip(movements, BORDERS, strict=True):
        month.run("update payops.balance_transactions set created = %s where id = %s", at, movement)
        month.run("update payops.charges set created = %s where balance_transaction_id = %s", at, movement)
    month.run("select payops_api.choose_business_timezone(%s, 'cli:root', 'admin', %s)", zone, month.now)
    month.reconcile()
    counted: dict[tuple[date, str], list[int]] = {}
    for at, currency, amount in month.rows(
        "select created, currency, amount_minor from payops.charges where balance_transaction_id is not null"
    ):
        day = at.astimezone(ZoneInfo(zone)).date()
        entry = counted.setdefault((day, currency), [0, 0])
        entry[0], entry[1] = entry[0] + 1, entry[1] + amount
    found = {
        (day, currency): [entries, int(amount)]
        for day, currency, entries, amount in month.rows(
            "select day, currency, entries, amount_minor from payops.daily_ledger where line = 'charge'"
        )
    }
    assert found == counted
    assert month.remainders() == {}
    for first in (date(2024, 2, 1), date(2026, 10, 1), NOVEMBER):
        last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
        whole = month.value("select payops_api.reconciliation(%s, %s)", first, last)["currencies"]
        usd = next(each for each in whole if each["currency"] == "usd")
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        assert usd["lines"][0]["ours_minor"] == sum(counted.get((day, "usd"), [0, 0])[1] for day in days)
        assert usd["lines"][0]["stripe_minor"] == usd["lines"][0]["ours_minor"]


def test_refreshing_again_compares_nothing_that_did_not_change(month):
    month.reconcile()
    assert month.reconcile() == 0
    movement, *_ = month.rows(damaging.PAID_OUT)[0]
    month.run("update payops.balance_transactions set livemode = livemode where id = %s", movement)
    assert 1 <= month.reconcile() <= 3
    assert month.value("select payops_api.refresh_reconciliation(%s)", month.now + timedelta(hours=2)) <= 8
    assert isinstance(month.now, datetime)
