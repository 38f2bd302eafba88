"""The nightly comparison finds differences in the mirror, counts them by kind and day, repairs and scores them."""

from collections import Counter
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from core.errors import Refused, Unavailable
from core.events.repair import backfill, comparison
from core.events.repair.balances import pull_balance_transactions
from core.monitoring import metrics
from core.periods import Period, business_day
from core.stripe_gateway import StripeGateway
from tests.events.business import clock, gateway, later, mirror

ZONE = ZoneInfo("America/New_York")


@pytest.fixture
def mirrored(business, database, owner):
    """A mirror as Stripe holds it."""
    backfill.run(database, gateway(business[0]), clock=clock, livemode=False, only=backfill.NAMES)
    return gateway(business[0])


def compare(database, stripe, **more):
    arguments = {"clock": later, "wait": lambda seconds: None, "still_coming_seconds": 0} | more
    return comparison.compare(database, stripe, livemode=False, **arguments)


def in_stripe(stripe):
    """How many objects of each kind Stripe shows, as the mirror should have them."""
    return {
        source.name: sum(map(source.mirrored, stripe.each(source.path, **dict(source.params))))
        for source in backfill.SOURCES
    }


def test_a_correct_mirror_scores_one(database, mirrored):
    assert comparison.last(database) is None
    found = compare(database, mirrored)
    assert (found.score, found.wrong, found.left) == (1.0, 0, 0)
    assert found.objects == sum(in_stripe(mirrored).values()) > 100
    assert comparison.last(database) == found
    assert found.in_words() == f"all {found.objects} objects matched Stripe"


def test_a_score_is_never_rounded_up_to_all():
    almost = comparison.Comparison(later(), equal=99_999, wrong=1, healed=1, wrong_days=[])
    assert almost.in_words().startswith("99.99% of 100,000 objects matched Stripe; 1 did not")


def test_deleted_changed_and_invented_rows_are_counted_and_repaired(database, owner, mirrored):
    right, figures = mirror(owner), figures_of(database)
    assert figures["payment_success_rate"]["denominator"] > 10
    gone = owner.execute(
        "delete from payops.payment_intents where id in"
        " (select id from payops.payment_intents order by id limit 3) returning created"
    ).fetchall()
    owner.execute("delete from payops.customers where id = (select min(id) from payops.customers)")
    false = owner.execute(
        "update payops.charges set amount_minor = 1, payment_intent_id = 'pi_of_another', "
        "as_of = as_of + interval '9 years'"
        " where id in (select id from payops.charges order by id limit 2) returning created"
    ).fetchall()
    owner.execute(
        "update payops.invoices set created = created - interval '8 days' where id = (select "
        "min(id) from payops.invoices)"
    )
    invented = owner.execute(
        "insert into payops.charges (id, livemode, created, as_of, state_rank, event_id, "
        "payment_intent_id, amount_minor,"
        " currency, status, captured) select 'ch_invented', false, created, as_of, 2, 'evt_x', 'pi_invented', 7, 'usd',"
        " 'succeeded', true from payops.charges limit 1 returning created"
    ).fetchall()

    found = compare(database, mirrored)
    counts = Counter()
    for each in found.wrong_days:
        for what in ("missing", "different", "surplus"):
            counts[each.kind, what, each.day] += getattr(each, what)
    on = [business_day(created, ZONE) for created, *_ in (gone[0], false[0], invented[0])]
    assert counts["payments", "missing", on[0]] == 3
    assert counts["charges", "different", on[1]] == 2
    assert counts["charges", "surplus", on[2]] == 1
    assert sum(n for (kind, *_), n in counts.items() if kind == "invoices") >= 1
    assert sum(n for (kind, what, _), n in counts.items() if (kind, what) == ("customers", "missing")) == 1
    assert found.wrong == found.healed == sum(counts.values())
    assert found.score == pytest.approx(1 - found.wrong / found.objects) and found.score < 1
    assert owner.execute("select kind, severity from payops.incidents").fetchall() == [("mirror_differed", "warning")]

    assert mirror(owner) == right
    assert figures_of(database) == figures
    assert compare(database, mirrored, clock=lambda: later() + timedelta(seconds=9)).score == 1.0


def figures_of(database):
    database.call("recount_stale")
    period = Period.last_days(40, now=later(), zone=ZONE)
    return metrics.overview(database, period, currency="usd", now=later())["metrics"]


def test_a_customer_that_stripe_says_was_deleted_is_marked_so(business, database, owner, mirrored):
    deleted = next(
        event["data"]["object"]["id"] for event in mirrored.each("events", types=["customer.deleted"], limit=1)
    )
    owner.execute(
        "insert into payops.customers (id, livemode, created, as_of, state_rank, event_id)"
        " select %s, false, created, as_of, 0, 'evt_x' from payops.customers limit 1",
        (deleted,),
    )
    assert compare(database, mirrored).wrong == 1
    assert owner.execute("select deleted from payops.customers where id = %s", (deleted,)).fetchone() == (True,)
    assert compare(database, mirrored).score == 1.0


def test_an_invoice_deleted_by_an_event_counts_as_right(database, owner, mirrored):
    owner.execute(
        "insert into payops.invoices (id, livemode, created, as_of, state_rank, event_id, currency, status)"
        " select 'in_draft', false, created, as_of, 0, 'evt_x', 'usd', 'deleted' from payops.invoices limit 1"
    )
    assert compare(database, mirrored).wrong == 0


def test_an_event_that_comes_before_the_second_look_is_no_difference(database, owner, mirrored):
    owner.execute("delete from payops.refunds where id = (select min(id) from payops.refunds)")

    def meanwhile(seconds):
        backfill.run(database, mirrored, clock=clock, livemode=False, only=["refunds"])

    assert compare(database, mirrored, wait=meanwhile).wrong == 0


def test_too_many_surplus_rows_are_left_for_a_person(database, owner, mirrored):
    owner.execute(
        "insert into payops.refunds (id, livemode, created, as_of, state_rank, event_id, "
        "amount_minor, currency, status)"
        " select 're_' || n, false, %s, %s, 2, 'evt_x', 7, 'usd', 'succeeded' from generate_series(1, 101) as n",
        (clock() - timedelta(days=2),) * 2,
    )
    found = compare(database, mirrored)
    assert (found.wrong, found.left) == (101, 101)
    assert owner.execute("select count(*) from payops.refunds where event_id = 'evt_x'").fetchone() == (101,)
    assert owner.execute("select severity from payops.incidents").fetchall() == [("critical",)]


def test_with_a_key_that_is_refused_nothing_is_taken_from_the_mirror(business, database, owner, mirrored):
    right = mirror(owner)
    wrong_key = StripeGateway("sk_test_of_nobody", api_base=business[0].base_url, record=lambda call: None)
    with pytest.raises(Refused):
        compare(database, wrong_key)
    assert mirror(owner) == right


def test_a_comparison_that_was_stopped_goes_on_and_counts_each_object_once(business, database, owner, mirrored):
    owner.execute("delete from payops.disputes where id = (select min(id) from payops.disputes)")
    calls = []

    class Failing(StripeGateway):
        def page(self, path, **params):
            calls.append(path)
            if len(calls) % 7 == 0:
                raise Unavailable("stripe_unavailable", "Stripe did not answer.")
            return super().page(path, **params)

    failing = Failing(business[0].secret_key, api_base=business[0].base_url, record=lambda call: None)
    found = None
    while found is None:
        try:
            found = compare(database, failing)
        except Unavailable:
            continue
    assert len(calls) > 25
    assert (found.objects, found.wrong) == (sum(in_stripe(mirrored).values()), 1)


def test_older_days_are_compared_in_turn_up_to_the_mirrors_beginning(database, owner):
    now = clock().replace(microsecond=0)
    owner.execute(
        "insert into payops.customers (id, livemode, created, as_of, state_rank, event_id)"
        " values ('cus_first', false, %s, %s, 0, 'evt_x')",
        (now - timedelta(days=100), now),
    )

    def reached():
        begun = database.call("begin_comparison", now=now, until=now, days=31, older_days=30)
        database.call("finish_comparison", id=begun["id"], now=now)
        since, until = (
            owner.execute(f"select {column} from payops.comparisons where id = %s", (begun["id"],)).fetchone()[0]
            for column in ("older_since", "older_until")
        )
        return (now - since).days, (now - until).days

    assert [reached() for _ in range(4)] == [(61, 31), (91, 61), (121, 91), (61, 31)]


def test_the_comparison_has_balance_transactions_as_well(database, owner, mirrored):
    pull_balance_transactions(database, mirrored, clock=clock, livemode=False)
    owner.execute("update payops.balance_transactions set fee_minor = fee_minor + 1 where type = 'charge'")
    fees = owner.execute("select sum(fee_minor) from payops.balance_transactions").fetchone()[0]
    charges = owner.execute("select count(*) from payops.balance_transactions where type = 'charge'").fetchone()[0]
    found = compare(database, mirrored)
    assert {each.kind for each in found.wrong_days} == {"balance_transactions"}
    assert found.healed == charges > 5
    assert owner.execute("select sum(fee_minor) from payops.balance_transactions").fetchone()[0] == fees - charges
