"""A mismatch is fixed by asking Stripe again: the real SDK over the sandbox, the mirror in Postgres."""

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from core.errors import Refused
from core.events.repair import backfill
from core.events.repair.balances import open_payouts
from core.finance import mismatch_fixes, mismatches, reconciliation
from core.finance.mismatch_fixes import Fetching
from core.periods import Period
from core.staff.roles import Actor, Role
from tests.events.business import at_a_sandbox, clock, gateway

FINANCE, ZONE = Actor("staff:fin", Role.FINANCE), ZoneInfo("America/New_York")


@pytest.fixture(scope="module")
def sandbox():
    with at_a_sandbox() as (address, _):
        yield gateway(address)


@pytest.fixture
def mirrored(sandbox, database, owner):
    """The sandbox's month, mirrored and without a mismatch; whatever is fetched again is fetched in the same second."""
    now = clock()
    backfill.run(database, sandbox, clock=lambda: now, livemode=False)
    open_payouts(database, sandbox, clock=lambda: now, livemode=False)
    asking = Fetching(database, sandbox, lambda: now, livemode=False)
    assert still_open(asking) == {}
    return asking


def later():
    return clock() + timedelta(hours=3)  # Stripe has had its time to book everything


def still_open(asking):
    reconciliation.refresh(asking.db, later())
    today = later().astimezone(ZONE).date()
    listed = mismatches.listed(asking.db, Period(today - timedelta(days=20), today, ZONE), now=later())
    return {each["key"]: each for each in listed}


def one_paid(owner):
    return owner.execute(
        "select c.id, c.balance_transaction_id from payops.charges as c inner join payops.payout_contents as k"
        " on c.balance_transaction_id = k.balance_transaction_id order by c.id limit 1"
    ).fetchone()


@pytest.mark.parametrize("whole_day", [False, True], ids=["fetched again", "its day backfilled"])
def test_each_kind_of_damage_is_mended_from_stripe_and_audited(mirrored, owner, whole_day):
    charge, movement = one_paid(owner)
    (payout,) = owner.execute("select id from payops.payouts order by id limit 1").fetchone()
    damages = {
        f"missing_here:{movement}": f"delete from payops.balance_transactions where id = '{movement}'",
        f"missing_here:{charge}": f"delete from payops.charges where id = '{charge}'",
        f"amount:{movement}": f"update payops.balance_transactions set amount_minor = amount_minor + 1,"
        f" net_minor = net_minor + 1 where id = '{movement}'",
        f"amount:{payout}": f"update payops.payouts set amount_minor = amount_minor + 1 where id = '{payout}'",
    }
    if not whole_day:
        damages["duplicate:ch_double"] = (
            'insert into payops.charges select (jsonb_populate_record(c, \'{"id": "ch_double"}\')).*'
            f" from payops.charges as c where c.id = '{charge}'"
        )
    for key, damage in damages.items():
        owner.execute(damage)
        found = still_open(mirrored)
        assert list(found) == [key]
        if whole_day:
            assert mismatch_fixes.backfill_day(mirrored, FINANCE, found[key], ZONE), key
        else:
            assert mismatch_fixes.fetch_again(mirrored, FINANCE, found[key]), key
        assert still_open(mirrored) == {}
        done = owner.execute("select actor, action, subject from payops.audit_log order by id desc limit 1").fetchone()
        assert done == ("staff:fin", f"finance:mismatch:{'backfilled' if whole_day else 'fetched'}", f"mismatch:{key}")


class Counted:
    """The database, with how many rows each call for a mismatch brought it."""

    def __init__(self, db):
        self.db, self.rows = db, []

    def call(self, function, **arguments):
        if "records" in arguments:
            self.rows.append(sum(len(rows) for rows in arguments["records"].values()))
        return self.db.call(function, **arguments)


def test_a_long_answer_is_recorded_in_parts_and_is_one_line_in_the_audit_log(mirrored, owner):
    _, movement = one_paid(owner)
    (payout,) = owner.execute("select id from payops.payouts order by id limit 1").fetchone()
    contents = "select balance_transaction_id from payops.payout_contents where payout_id = %s order by 1"
    listed = owner.execute(contents, [payout]).fetchall()
    for fetch, key, damages in (
        (
            mismatch_fixes.fetch_again,
            f"amount:{payout}",
            [
                f"update payops.payouts set amount_minor = amount_minor + 1 where id = '{payout}'",
                f"insert into payops.payout_contents values ('txn_not_listed', '{payout}')",
            ],
        ),
        (
            lambda *found: mismatch_fixes.backfill_day(*found, ZONE),
            f"missing_here:{movement}",
            [f"delete from payops.balance_transactions where id = '{movement}'"],
        ),
    ):
        for damage in damages:
            owner.execute(damage)
        counted, found = Counted(mirrored.db), still_open(mirrored)
        (logged,) = owner.execute("select count(*) from payops.audit_log").fetchone()
        assert fetch(replace(mirrored, db=counted, rows_a_call=2), FINANCE, found[key])
        assert len(counted.rows) > 2 and max(counted.rows) <= 3
        assert owner.execute("select count(*) - 1 from payops.audit_log").fetchone() == (logged,)
        assert still_open(mirrored) == {} and owner.execute(contents, [payout]).fetchall() == listed


def test_a_mismatch_that_stripe_cannot_answer_is_refused_with_a_reason(mirrored, owner):
    owner.execute(
        "insert into payops.money_actions (id, kind, subject, amount_minor, currency, method, path, state,"
        " requested_by, requested_role, requested_at) values ('action_unknown', 'refund', 'pi_1', 900, 'usd', 'post',"
        " 'refunds', 'unknown', 'staff:ana', 'support', %s)",
        [clock() - timedelta(hours=1)],
    )
    found = still_open(mirrored)
    assert list(found) == ["unknown_operation:action_unknown"]
    with pytest.raises(Refused, match="no object"):
        mismatch_fixes.fetch_again(mirrored, FINANCE, found["unknown_operation:action_unknown"])
