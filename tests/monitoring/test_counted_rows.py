"""A figure's link lands on exactly the rows that it counts, and so does an action item's."""

import importlib
import pkgutil
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

import core
from core.billing import cohorts, subscription_figures, subscription_lists
from core.events import lookup
from core.events.lookup import EventFilter
from core.figures.definition import Definition
from core.monitoring import action_items, incidents, overview
from core.monitoring.incidents import Incident, IncidentLog
from core.payments import payments, refund_figures, refunds
from core.payments.disputes import disputes, fraud_warnings
from core.payments.disputes.dispute_statuses import Shown
from core.payments.recovery import recovery, recovery_cases, recovery_figures
from core.periods import Period
from core.providers import assignment, directory, licences
from core.ui.overview import chart_rows
from core.ui.subscriptions import chart_rows as subscription_points
from core.ui.subscriptions import subscription_charts
from tests.billing.story import NOW as RECEIVED
from tests.billing.story import Story, on, subscription
from tests.payments import conftest as at_stripe
from tests.payments.conftest import ADMIN, Faults, Shop
from tests.payments.test_payments import charge_row, row
from tests.providers.conftest import Clinic

sandbox, context, clock = at_stripe.sandbox, at_stripe.context, at_stripe.clock
ZONE = ZoneInfo("America/New_York")
# Whose page lists more than the open ones: it narrows them to a period.
NOT_LISTED_ALONE = {"mismatches"}


@dataclass
class Business:
    """A mirror in which every figure counts some rows and leaves others out; `overview` is of the last 30 days."""

    context: object
    period: Period
    overview: overview.Overview

    @property
    def db(self):
        return self.context.db

    @property
    def now(self):
        return self.context.clock()

    def payments(self, definition):
        sought = payments.counted_in(definition.view["counted"], self.period, "usd", self.now)
        return len(payments.find(self.db, ADMIN, sought, limit=1000).items)

    def disputes(self, definition):
        shown = Shown(definition.view["show"])
        return len(disputes.listed(self.db, shown, period=self.period, currency="usd"))

    def refunds(self, view, currency="usd"):
        since, until = self.period.bounds()
        sought = refunds.Sought(since, until, view["status"], currency)
        return len(refunds.newest(self.context, sought).rows)

    def cases(self, view, currency="usd"):
        steps = recovery_figures.steps_of(view["next"])
        cases = recovery_cases.waiting(self.context).cases
        return len([each for each in cases if each.failed.currency == currency and each.advice.step in steps])

    def subscriptions(self, view, currency="usd"):
        name = subscription_lists.LISTS[view["list"]]
        return subscription_lists.listed(self.db, name, self.period, currency=currency, now=self.now)

    def consultations(self, view):
        return len(assignment.consultations(self.db, self.now, status=assignment.LISTS[view["show"]]))

    def licences(self, view):
        also_ended = {"ending": True, "not ended": False}[view["licences"]]
        found = licences.expiring(self.db, self.now, days=int(view["days"]), also_ended=also_ended)
        return len(found["items"])

    def events(self, view):
        # As the page: the days that its filters name, and what its outcome's word means.
        outcome = {"not applied": lookup.NOT_APPLIED}[view["outcome"]]
        since = datetime.combine(date.fromisoformat(view["days"][0]), datetime.min.time(), UTC)
        return len(lookup.newest(self.db, EventFilter(since, None, None, outcome)).events)

    def number(self, name):
        return self.overview.figures[name]


def figure(business, definition):
    """The number of rows that the figure says it counts, from where the page takes it."""
    name = definition.name
    if name in ("payment_success_rate", "dispute_win_rate"):
        return business.number(name)["denominator"]
    if name in ("drop_off_rate", "dispute_activity"):
        return business.number(name)["numerator"]
    if name in ("active_subscribers", "scheduled_to_cancel", "trialing_subscribers"):
        return business.number(name)["value"]
    if name == "failed_payments":
        return count_of(business.overview.readings(), name)
    if name.startswith("recovery_"):
        cases = [each for each in recovery_cases.waiting(business.context).cases if each.failed.currency == "usd"]
        of_period = recovery_figures.load(business.db, business.period, currency="usd")
        return count_of(recovery_figures.readings(of_period, cases), name)
    if name.startswith("refunds_"):
        of_period = refund_figures.load(business.db, business.period, currency="usd")
        return count_of(refund_figures.readings(of_period), name)
    if name == "past_due":
        of_period = subscription_figures.load(business.db, business.period, currency="usd", now=business.now)
        return count_of(subscription_figures.readings(of_period), name)
    summary = assignment.summary(business.db, business.now)
    if name in ("waiting_now", "open_now"):
        return summary["waiting"] if name == "waiting_now" else summary["open"]
    return directory.summary(business.db, business.now)["ending"]["30"]


def count_of(readings, name):
    """The number on the card: the card's value, or where that is an amount, what it rests on."""
    reading = next(each for each in readings if each.definition.name == name)
    counted = next((part for part in (reading.value, reading.rests_on.partition(" ")[0]) if part.isdigit()), "")
    return int(counted.replace(",", "")) if counted else 0


def rows(business, definition):
    """How many rows the figure's link lists."""
    view = definition.view
    if definition.page == "payments":
        return business.payments(definition)
    if definition.page == "disputes":
        return business.disputes(definition)
    if definition.page == "refunds":
        return business.refunds(view)
    if definition.page == "recovery":
        return business.cases(view)
    if definition.page == "subscriptions":
        found = business.subscriptions(view)
        return found.customers if definition.name.endswith("subscribers") else found.count
    return business.consultations(view) if definition.page == "assignments" else business.licences(view)


def exact_figures():
    """Every figure of every page whose link says that it leads to its rows."""
    found = {}
    for module in pkgutil.walk_packages(core.__path__, "core."):
        if ".ui" in module.name or ".sandbox" in module.name or ".api" in module.name:
            continue
        for value in vars(importlib.import_module(module.name)).values():
            several = value if isinstance(value, tuple) else [value]
            found |= {each.name: each for each in several if isinstance(each, Definition) and each.exact}
    return found


EXACT = exact_figures()


@pytest.fixture
def business(context, sandbox, owner, clock, tmp_path):
    owner.execute("update payops.business set timezone = 'America/New_York'")
    db, now = context.db, context.clock()
    shop = Shop(context, sandbox.base_url)
    days_ago = now - timedelta(days=3)
    shop.failed()
    shop.failed("stolen_card")
    clock.ahead = timedelta(days=4)  # by now the first one may be retried
    now = context.clock()
    later = shop.failed(card=shop.save("pm_card_visa"))
    recovery.schedule(context, ADMIN, later.id, now + timedelta(days=1), reason="payday")
    shop.disputed()
    shop.paid()
    charge = shop.paid(9900)["latest_charge"]["id"]
    context.mirror(Faults(sandbox.base_url).dispute(charge, reason="fraudulent"))
    load_payments(db, days_ago)
    load_refunds(db, days_ago)
    told = Story(db)
    told.create(subscription(1))
    told.create(subscription(2, status="past_due"))
    told.create(subscription(3, cancel_at_period_end=True, cancel_at=on(12, 24)))
    told.create(subscription(4, status="past_due", currency="eur"))
    for number, said in ((5, "too_expensive"), (6, "unused"), (7, "unused")):
        told.create(subscription(number))
        asked = {"reason": "cancellation_requested", "feedback": said}
        ended = subscription(number, status="canceled", ended_at=on(11, 20), cancellation_details=asked)
        told.tell(ended, on(11, 20), "customer.subscription.deleted")
    told.receive()
    clinic = Clinic(db, owner)
    today = now.date()
    clinic.provider("anna", f"TX:{today + timedelta(days=10)}", capacity=1)
    clinic.provider("bert", f"CA:{today - timedelta(days=3)}")
    clinic.provider("carl", f"NY:{today + timedelta(days=200)}")
    for state, at in (("TX", now), ("TX", now - timedelta(hours=2)), ("WA", now)):
        clinic.ask(state, now=at)
    log = IncidentLog(db, tmp_path)
    for kind in ("stripe_failed", "worker_failed", "webhook_attack"):
        log.report(Incident(kind, "of this test", "A tested thing broke.", now))
    period = Period.last_days(30, now=now, zone=ZONE)
    return Business(context, period, overview.load(db, period, currency="usd", now=now))


def load_payments(db, at):
    """Abandoned, canceled after a decline, and in another currency: what a filter by status alone gets wrong."""
    moment = {"created": at.isoformat(), "as_of": at.isoformat()}
    declined = {"status": "failed", "captured": False, "amount_captured_minor": 0, "decline_code": "do_not_honor"}
    unpaid = {"amount_received_minor": 0, "latest_charge_id": None}
    db.call(
        "load_records",
        records={
            "payment_intents": [
                row(801, **moment, **unpaid, status="requires_payment_method"),
                row(802, **moment, **unpaid, status="canceled"),
                row(803, **moment, currency="eur"),
                row(804, **moment, **unpaid, status="requires_payment_method", error_code="card_declined"),
                row(805, **(moment | {"created": (at - timedelta(days=90)).isoformat()})),
            ],
            "charges": [
                charge_row(802, **moment, **declined),
                charge_row(803, **moment, currency="eur"),
                charge_row(804, **moment, **declined),
                charge_row(805, **(moment | {"created": (at - timedelta(days=90)).isoformat()})),
            ],
        },
    )


def load_refunds(db, at):
    statuses = ("pending", "requires_action", "succeeded", "failed", "canceled")
    made = [
        {
            "id": f"re_80{n}",
            "livemode": False,
            "created": at.isoformat(),
            "as_of": at.isoformat(),
            "state_rank": 0,
            "event_id": "fetch",
            "charge_id": "ch_803",
            "payment_intent_id": "pi_803",
            "amount_minor": 100,
            "currency": "usd",
            "status": status,
        }
        for n, status in enumerate(statuses)
    ]
    db.call("load_records", records={"refunds": made})


def test_each_figure_is_as_large_as_the_list_that_its_link_opens(business):
    compared = {name: (figure(business, each), rows(business, each)) for name, each in sorted(EXACT.items())}
    assert {name: pair for name, pair in compared.items() if pair[0] != pair[1]} == {}
    empty = {name for name, (counted, _) in compared.items() if counted == 0}
    assert empty <= {"refunds_not_made", "dispute_win_rate"}, "a comparison of nothing with nothing shows nothing"


def opened(business, name, clicked):
    """How many rows the page lists that a click on this point of the overview's chart opens."""
    page, shown, period_of_it = chart_rows.view_of(business.overview, name, clicked)
    view = {**shown, **period_of_it}
    since, until = map(date.fromisoformat, view["days"])
    period = Period(since, until, ZONE)
    if page == "disputes":
        return len(disputes.listed(business.db, Shown(view["show"]), period=period, currency=view["currency"]))
    if cause := view.get("cause"):
        sought = payments.failed_for(business.db, cause, period, view["currency"], business.now)
    else:
        sought = payments.counted_in(view["counted"], period, view["currency"], business.now)
    return len(payments.find(business.db, ADMIN, sought, limit=1000).items)


def test_each_point_of_the_overviews_charts_counts_the_rows_that_a_click_on_it_opens(business):
    days = {each.day.isoformat(): each for each in business.overview.daily}
    causes = {overview.cause_title(each["key"]): each["count"] for each in business.number("failures_by_category")}
    assert len(causes) > 1 and sum(each.payments for each in days.values()) > 3
    assert {day: opened(business, "success-rate", day) for day in days} == {d: e.payments for d, e in days.items()}
    assert {day: opened(business, "volume", day) for day in days} == {d: e.succeeded for d, e in days.items()}
    assert {day: opened(business, "disputes", day) for day in days} == {d: e.disputes for d, e in days.items()}
    assert {title: opened(business, "failures", title) for title in causes} == causes
    assert chart_rows.view_of(business.overview, "success-rate", "1999-01-01") is None


def of_month(business, name, month):
    """How many customers, and what they come to, are in a list of the page of subscriptions in this month alone."""
    period = Period(*subscription_points.days_of(month, business.period.until), ZONE)
    found = subscription_lists.listed(business.db, name, period, currency="usd", now=business.now)
    return found.count, found.amount_minor


def test_each_bar_of_the_subscriptions_charts_counts_the_customers_that_a_click_on_it_lists(business):
    asked = {"currency": "usd", "now": business.now}
    figures = subscription_figures.load(business.db, business.period, **asked)
    losses = {each.key: (each.customers, -each.amount_minor) for each in figures.losses}
    assert {"cancellation_requested:unused", "cancellation_requested:too_expensive"} <= set(losses)
    for key, of_the_bar in losses.items():
        left = subscription_lists.listed(business.db, "churned", business.period, why=key, **asked)
        assert (left.count, left.amount_minor) == of_the_bar
        assert len({row["id"] for row in left.rows}) == left.count
    months = cohorts.by_month(business.db, **asked)
    bars = {(each.month, step.name): (step.customers, step.amount_minor) for each in months for step in each.steps}
    assert {key: of_month(business, key[1], each) for each in months for key in bars if key[0] == each.month} == bars
    assert sum(customers for customers, _ in bars.values()) > 10


def test_each_cell_of_the_cohorts_counts_the_customers_that_a_click_on_it_lists(business):
    asked = {"currency": "usd", "now": business.now}
    grid = cohorts.cohorts(business.db, **asked)
    counts = [customers for each in grid for customers in each.paying]
    (heat, markers) = subscription_charts.cohorts(grid).figure.data
    assert len(markers.x) == len(counts) > 2 and heat.hoverinfo == "skip"
    for index, customers in enumerate(counts):
        cell = subscription_points.cell_of(grid, {"point_index": index})
        assert markers.customdata[index].startswith(f"Joined {cell.joined:%b %Y}: {customers:,} of")
        found = subscription_lists.listed(business.db, "cohort", business.period, cell=cell, **asked)
        assert (found.count, len({row["id"] for row in found.rows})) == (customers, customers)
        assert found.amount_minor == sum(row["after_minor"] for row in found.rows)


def test_each_minute_of_the_chart_of_events_counts_the_events_that_a_click_on_it_lists(business):
    minutes = {each["minute"]: each["events"] for each in lookup.pulse(business.db, RECEIVED)}
    assert sum(minutes.values()) > 5
    for minute, events in minutes.items():
        since = datetime.fromisoformat(minute)
        assert len(lookup.newest(business.db, EventFilter(since, since + timedelta(minutes=1))).events) == events


LISTED = {
    "disputes_to_answer": lambda at, view: len(disputes.listed(at.db, Shown(view["show"]))),
    "fraud_warnings": lambda at, view: len(fraud_warnings.listed(at.db, at.now)[0]),
    "past_due_subscriptions": lambda at, view: at.subscriptions(view, view["currency"]).count,
    "retryable_failures": lambda at, view: at.cases(view, view["currency"]),
    "refunds_awaiting": lambda at, view: len(refunds.awaiting(at.context)),
    "unknown_refund": lambda at, view: at.refunds(view, view["currency"]),
    "failed_events": lambda at, view: at.events(view),
    "waiting_consultations": lambda at, view: at.consultations(view),
    "misplaced_consultations": lambda at, view: at.consultations(view),
    "expiring_licences": lambda at, view: at.licences(view),
    "open_incidents": lambda at, view: len(incidents.newest(at.db, show=view["show"], now=at.now)),
}


def test_each_action_item_is_as_long_as_the_lists_that_its_links_open(business):
    items = action_items.in_words(business.overview.action_items, business.now)
    kinds = {id(kind): name for name, kind in action_items.KINDS.items()}
    compared = {}
    for found, item in zip(business.overview.action_items, items, strict=True):
        name = kinds[id(item.kind)]
        if item.links and name not in NOT_LISTED_ALONE:
            compared[name] = (found["items"], sum(LISTED[name](business, view) for _, view in item.links))
    assert {name: pair for name, pair in compared.items() if pair[0] != pair[1]} == {}
    expected = {"disputes_to_answer", "past_due_subscriptions", "waiting_consultations", "expiring_licences"}
    assert expected | {"open_incidents"} <= set(compared)


def test_every_action_item_with_a_link_is_compared_with_its_list():
    with_links = {name for name, kind in action_items.KINDS.items() if kind.act}
    assert with_links - NOT_LISTED_ALONE == set(LISTED)
