"""`payops reconcile --payout`: one payout explained, or what is wrong with it."""

import json
from datetime import date
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from core.cli import app
from core.finance import payouts, reconciliation
from core.periods import Period

PAYOUT = """
select payout_id, deposited_minor from payops.reconciled_payouts
where currency = 'usd' and transactions > 20 and deposit_state = 'arrived' order by 1 limit 1
"""


@pytest.fixture
def command(month_in_database, server, tmp_path, monkeypatch):
    """Runs the command; what a test changed is mended after it."""
    for name, value in {"DATABASE_URL": server.app_conninfo, "DATA_DIR": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    return lambda *words: CliRunner().invoke(app, ["reconcile", *words])


@pytest.fixture
def damaged(month_in_database):
    """Changes rows for the time of one test."""
    undone = []

    def change(query, undo, *values):
        month_in_database.execute(query, values)
        undone.append((undo, values))

    yield change
    for undo, values in undone:
        month_in_database.execute(undo, values)


def test_a_payout_that_fits_is_explained_to_the_cent(command, month_in_database):
    payout, deposited = month_in_database.execute(PAYOUT).fetchone()
    said = command("--payout", payout)
    assert said.exit_code == 0, said.output
    assert "reconciles to the cent" in said.stdout and "Remainder" in said.stdout
    assert f"At the bank: arrived, ${deposited / 100:,.2f} on" in said.stdout
    answer = json.loads(command("--payout", payout, "--json").stdout)
    assert answer["reconciles"] is True and answer["payout"]["payout_id"] == payout
    net = sum(each["net_minor"] for each in answer["payout"]["categories"])
    assert answer["payout"]["amount_minor"] == net and answer["mismatches"] == {"items": []}


def test_a_payout_that_does_not_fit_ends_with_1_and_says_why(command, month_in_database, damaged):
    payout, _ = month_in_database.execute(PAYOUT).fetchone()
    damaged(
        "update payops.payouts set amount_minor = amount_minor + 1 where id = %s",
        "update payops.payouts set amount_minor = amount_minor - 1 where id = %s",
        payout,
    )
    said = command("--payout", payout)
    assert said.exit_code == 1 and "does not reconcile" in said.stdout and "$0.01" in said.stdout
    answer = json.loads(command("--payout", payout, "--json").stdout)
    assert answer["reconciles"] is False and answer["payout"]["remainder_minor"] == 1
    assert {each["payout_id"] for each in answer["mismatches"]["items"]} == {payout}


def test_a_manual_payout_says_that_stripe_lists_nothing_of_it(command, month_in_database, damaged):
    payout, _ = month_in_database.execute(PAYOUT).fetchone()
    damaged(
        "update payops.payouts set automatic = false where id = %s",
        "update payops.payouts set automatic = true where id = %s",
        payout,
    )
    said = command("--payout", payout)
    assert said.exit_code == 0, said.output
    assert "Stripe lists no transactions of a manual or instant payout" in said.stdout
    assert "reconciles to the cent" not in said.stdout
    assert json.loads(command("--payout", payout, "--json").stdout)["payout"]["remainder_minor"] is None


def test_an_unknown_payout_and_a_payout_with_a_period_are_said_in_words(command):
    unknown = command("--payout", "po_nobody")
    assert unknown.exit_code == 1 and "not a payout that payops knows" in unknown.stderr
    both = command("--payout", "po_1", "--since", "2026-11-01", "--until", "2026-11-30")
    assert both.exit_code == 2 and "--payout goes without" in both.stderr
    neither = command()
    assert neither.exit_code == 2 and "--since" in neither.stderr


def test_each_bar_from_the_opening_to_the_closing_balance_adds_up_the_movements_that_a_click_lists(
    month_in_database, database
):
    period = Period(date(2026, 11, 1), date(2026, 11, 30), ZoneInfo("America/New_York"))
    for figures in reconciliation.load(database, period).currencies:
        level, compared = figures["opening_minor"], 0
        for stage in reconciliation.stages(figures)[1:-1]:
            moved = [
                row for page in payouts.movements_of_stage(database, stage, figures, period, most=100) for row in page
            ]
            assert sum(each["share_minor"] for each in moved) == stage.minor, stage.name
            level, compared = level + stage.minor, compared + len(moved)
        assert level == figures["closing_minor"] and compared > 0


def test_the_movements_of_a_long_payout_are_all_in_its_files(month_in_database, database):
    payout, _ = month_in_database.execute(PAYOUT).fetchone()
    found = payouts.one(database, payout)
    assert found and len(found["movements"]) == payouts.movements_of(found) > 20
    in_parts = list(payouts.movements(database, payout, most=7)())
    assert max(map(len, in_parts)) == 7 and [each for part in in_parts for each in part] == found["movements"]


def test_many_mismatches_are_counted_by_class_before_the_largest_are_told(command, damaged):
    which = "where currency = 'usd' and created >= %s and status = 'succeeded' and captured"
    damaged(
        f"update payops.charges set amount_minor = amount_minor + 1 {which}",
        f"update payops.charges set amount_minor = amount_minor - 1 {which}",
        "2026-11-10",
    )
    said = command("--since", "2026-11-11", "--until", "2026-11-20")
    assert said.exit_code == 1, said.output
    assert said.stdout.count("Another amount: ") == 50 and "× Another amount" in said.stdout
    assert "--json, --csv and --xlsx have all." in said.stdout


def test_a_history_that_is_not_read_yet_is_said_beside_what_is_missing(command, damaged):
    days = ("--since", "2026-11-11", "--until", "2026-11-12", "--json")
    said = command(*days)
    assert json.loads(said.stdout)["history_complete"] is False
    assert "what is missing here may only be on its way" in said.stderr
    damaged(
        "insert into payops.backfill_places values (%s, '-infinity', null, 1, true, now())",
        "delete from payops.backfill_places where source = %s",
        "history",
    )
    said = command(*days)
    assert json.loads(said.stdout)["history_complete"] is True and not said.stderr.strip()
