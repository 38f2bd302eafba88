"""The overview's figures, its first sentence and its action items, from small data sets."""

import json
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from core.errors import Refused
from core.events import inbox
from core.figures import intervals, wording
from core.figures.days import Day, in_steps
from core.figures.definition import Better, Definition, Unit
from core.figures.definitions import OF_THE_OVERVIEW
from core.monitoring import action_items, metrics, overview, overview_choice
from core.monitoring.incidents import Incident, IncidentLog
from core.periods import Period
from core.staff.flags import Flow, switch
from core.staff.roles import Actor, Role
from core.ui.overview import sparkline
from tests.factories import body_of, charge, event, intent

ZONE = ZoneInfo("America/New_York")
PERIOD = Period(date(2026, 9, 8), date(2026, 9, 14), ZONE)
NOW = datetime(2026, 9, 14, 20, tzinfo=UTC)
SHARE = Definition("share", "A share", Better.MORE, "", "payments", unit=Unit.RATE)


def at(day: int, hour: int = 12) -> int:
    return int(datetime(2026, 9, day, hour, tzinfo=ZONE).timestamp())


@pytest.fixture
def told(database, owner):
    """Tell events of an object each; the database has them when this returns."""

    def tell(*several):
        events = [event(f"evt_{kind}_{each['id']}", kind, each, at=each["created"]) for kind, each in several]
        batch = [inbox.prepare(each, body_of(each), livemode=False) for each in events]
        assert set(inbox.receive(database, batch, now=NOW)) == {"applied"}

    return tell


def paid(number, day, **fields):
    payment = {"id": f"pi_{number}", "created": at(day)}
    return [
        ("payment_intent.succeeded", intent(**payment, status="succeeded", **fields)),
        ("charge.succeeded", charge(id=f"ch_{number}", payment_intent=f"pi_{number}", created=at(day), **fields)),
    ]


def failed(number, day, code="insufficient_funds"):
    declined = {"status": "failed", "captured": False, "outcome": {"reason": code}, "failure_code": "card_declined"}
    error = {"charge": f"ch_{number}"}
    return [
        ("payment_intent.payment_failed", intent(id=f"pi_{number}", created=at(day), last_payment_error=error)),
        ("charge.failed", charge(id=f"ch_{number}", payment_intent=f"pi_{number}", created=at(day), **declined)),
    ]


def loaded(database, currency="usd", now=NOW):
    return overview.load(database, PERIOD, currency=currency, now=now)


def test_its_figures_are_those_of_the_command_for_the_period_and_the_one_before(told, database):
    told(*paid("a", 8), *failed("b", 9), *paid("c", 3), *paid("d", 9, currency="eur"))
    found = loaded(database)
    for period, figures in ((PERIOD, found.figures), (PERIOD.previous(), found.previous)):
        assert figures == metrics.overview(database, period, currency="usd", now=NOW)["metrics"]
    assert found.fresh_at == NOW


def test_every_day_is_there_with_its_payments_and_disputes_also_one_without_any(told, database):
    dispute = {
        "id": "du_1",
        "livemode": False,
        "created": at(10),
        "amount": 4900,
        "currency": "usd",
        "status": "lost",
        "reason": "fraudulent",
        "charge": "ch_a",
    }
    told(*paid("a", 8), *paid("b", 8), *failed("c", 8), *paid("d", 2), ("charge.dispute.created", dispute))
    found = loaded(database)
    assert [each.day for each in found.daily] == list(PERIOD)
    assert found.daily[0] == Day(date(2026, 9, 8), 2, 1, 9800, 0, 0)
    assert found.daily[1].success_rate is None
    assert (found.daily[2].disputes, found.daily[2].disputed_minor) == (1, 4900)
    assert [each.day for each in found.previous_daily if each.payments] == [date(2026, 9, 2)]


def test_the_currencies_are_those_of_payments_with_the_most_frequent_first(told, database):
    told(*paid("a", 8, currency="eur"), *paid("b", 8, currency="eur"), *paid("c", 9), *paid("d", 9, currency="jpy"))
    assert overview.currencies(database) == ["eur", "jpy", "usd"]


def test_action_items_have_their_amounts_by_currency_and_first_deadline(told, database, tmp_path):
    def dispute(number, currency, due_in_days, status="needs_response"):
        due = int((NOW + timedelta(days=due_in_days)).timestamp())
        return (
            "charge.dispute.created",
            {
                "id": f"du_{number}",
                "livemode": False,
                "created": at(10),
                "amount": 1000,
                "currency": currency,
                "status": status,
                "reason": "general",
                "charge": f"ch_{number}",
                "evidence_details": {"due_by": due},
            },
        )

    told(dispute(1, "usd", 5), dispute(2, "usd", 3), dispute(3, "eur", 4), dispute(4, "usd", 1, "under_review"))
    IncidentLog(database, tmp_path).report(Incident("test", "x", "It broke.", NOW - timedelta(hours=3)))
    found = action_items.in_words(loaded(database).action_items, NOW)
    assert [(each.what, each.at_stake, each.when) for each in found] == [
        ("3 disputes need evidence", "$20.00 and €10.00", "first evidence due in 3 days"),
        ("1 open incident", "", "oldest for 3 hours"),
    ]


def test_without_work_the_list_is_empty(told, database):
    told(*paid("a", 8))
    assert action_items.in_words(loaded(database).action_items, NOW) == []


def rate(numerator, denominator):
    low, high = intervals.wilson(numerator, denominator) or (None, None)
    value = numerator / denominator if denominator else None
    return {"value": value, "numerator": numerator, "denominator": denominator, "low": low, "high": high}


def causes(**counts):
    found = [{"key": key, "count": count, "amount": count * 1000} for key, count in counts.items()]
    return sorted(found, key=lambda each: -each["count"])


def told_as(now, before, now_causes=(), before_causes=(), period=PERIOD):
    return overview.sentence(
        overview.Overview(
            period=period,
            currency="usd",
            fresh_at=NOW,
            daily=[],
            previous_daily=[],
            known_since=None,
            action_items=[],
            marks=[],
            other_movements=[],
            figures={"payment_success_rate": now, "failures_by_category": list(now_causes)},
            previous={"payment_success_rate": before, "failures_by_category": list(before_causes)},
        )
    ).replace(wording.NBSP, " ")


def test_the_sentence_has_the_rate_its_change_and_the_most_frequent_cause():
    said = told_as(rate(970, 1000), rate(965, 1000), causes(retry_later=20, stop=10), causes(retry_later=35))
    assert said == (
        "97.0% of payments succeeded, up 0.5 points from 96.5% in the 7 days before. The "
        "most frequent cause of failure "
        "was insufficient funds, or a card limit reached: 20 of 30 failures. All failures total $300.00."
    )


def test_a_significant_drop_is_explained_by_the_cause_that_grew_most():
    said = told_as(
        rate(930, 1000), rate(970, 1000), causes(retry_later=36, retry_soon=34), causes(retry_later=28, retry_soon=2)
    )
    assert said == (
        "93.0% of payments succeeded, down 4.0 points from 97.0% in the 7 days before. "
        "Most of the drop is due to issuer or network outages."
    )


def test_few_payments_are_shown_with_their_interval():
    assert told_as(rate(3, 4), rate(0, 0), causes(stop=1)).startswith(
        "3 of 4 payments succeeded, between 30.1% and 95.4% with 95% certainty; there were "
        "no payments before to compare with."
    )


def test_without_payments_there_is_no_rate():
    assert told_as(rate(0, 0), rate(0, 0)) == "There were no payments in these 7 days."
    day = Period(date(2026, 9, 8), date(2026, 9, 8), ZONE)
    assert told_as(rate(0, 0), rate(9, 10), period=day) == (
        "There were no payments on this day; in the day before 90.0% of 10 payments succeeded."
    )


def test_an_unchanged_rate_is_described_as_unchanged():
    said = told_as(rate(96, 100), rate(48, 50), causes(stop=4))
    assert said.startswith("96.0% of payments succeeded, as before at 96.0% in the 7 days before.")
    assert told_as(rate(40, 40), rate(48, 50)).endswith("No payment failed.")


def read(now, before, **fields):
    reading = wording.read(SHARE if not fields else Definition(**vars(SHARE) | fields), now, before, "usd")
    change = str(reading.change).replace(wording.NBSP, " ") if reading.change else None
    return reading.value.replace(wording.NBSP, " "), reading.rests_on.replace(wording.NBSP, " "), change


def test_a_rate_is_shown_with_counts_and_with_its_interval_if_few():
    assert read(rate(90, 100), rate(95, 100)) == ("90.0%", "90 of 100 payments", "down 5.0 points from 95.0%")
    assert read(rate(9, 10), rate(0, 0)) == (
        "90.0%",
        "9 of 10 payments; between 59.6% and 98.2% with 95% certainty",
        "nothing before",
    )
    assert read(rate(0, 0), rate(1, 1)) == ("no payments", "", "none now from 100.0%")
    assert read(rate(0, 0), rate(0, 0)) == ("no payments", "", None)


def test_a_small_rate_moves_in_hundredths_of_a_point():
    assert read(rate(72, 10000), rate(54, 10000))[::2] == ("0.72%", "up 0.18 points from 0.54%")


def test_changes_of_times_and_amounts_are_percentages():
    times = [{"p50_ms": p50, "p95_ms": p95, "n": 5} for p50, p95 in ((580.0, 128_000.0), (1000.0, 2000.0))]
    assert read(*times, unit=Unit.TIME) == ("580 ms", "slowest 5% over 2 min 8 s; 5 payments", "down 42.0% from 1.0 s")
    assert read({"value": 1_000_00}, {"value": 980_00}, unit=Unit.MONEY) == ("$1,000.00", "", "up 2.0% from $980.00")
    assert read({"value": 3}, {"value": 0}, unit=Unit.COUNT)[2] == "up from 0"
    assert read({"p50_ms": None, "p95_ms": None, "n": 0}, times[0], unit=Unit.TIME) == (
        "no payments",
        "",
        "none now from 580 ms",
    )


@pytest.mark.parametrize(("better", "good"), [(Better.MORE, True), (Better.LESS, False), (Better.NEITHER, None)])
def test_whether_up_is_good_depends_on_the_figure(better, good):
    definition = Definition(**vars(SHARE) | {"better": better})
    assert wording.read(definition, rate(96, 100), rate(95, 100), "usd").change.good is good
    assert wording.read(definition, rate(96, 100), rate(96, 100), "usd").change.good is None


def test_the_cards_leave_out_what_is_not_counted_yet_and_add_what_failed(told, database):
    told(*paid("a", 8), *failed("b", 9))
    readings = {each.definition.name: each for each in loaded(database).readings()}
    assert "processing_time_own" not in readings or readings["processing_time_own"].value
    assert "subscriber_churn_rate" not in readings  # nobody has subscribed, now or before
    assert readings["failed_payments"].value == "1"
    assert readings["failed_payments"].rests_on == "$49.00"
    assert set(readings) <= {each.name for each in OF_THE_OVERVIEW}


def test_a_year_is_shown_in_weeks_that_lose_no_payment():
    days = [Day(date(2026, 1, 1) + timedelta(days=n), n, 1, 100, 0, 0) for n in range(365)]
    weeks = in_steps(days)
    assert [each.days for each in weeks] == [1] + [7] * 52
    assert sum(each.payments for each in weeks) == sum(each.payments for each in days)
    assert (weeks[0].day, weeks[1].day, weeks[-1].day) == (days[0].day, days[1].day, days[-7].day)
    assert in_steps(days[:90]) == days[:90]


def test_every_category_of_declines_has_its_words():
    assert set(overview.CAUSES) == set(overview.Category)


def test_incidents_pauses_and_deployments_are_marked_on_their_day(database, owner, tmp_path):
    log = IncidentLog(database, tmp_path)
    began = datetime(2026, 9, 9, 3, tzinfo=UTC)  # the evening of the 8th in New York
    log.report(Incident("page_failed", "x", "A page failed.", began))
    log.report(Incident("page_failed", "y", "Before the period.", began - timedelta(days=2)))
    for hour, opened in ((10, False), (12, True)):
        now = datetime(2026, 9, 10, hour, tzinfo=UTC)
        switch(
            database,
            Actor("staff:ada", Role.ADMIN),
            Flow.REFUNDS,
            open=opened,
            sentence="Later.",
            reason="bank",
            now=now,
        )
    owner.execute("update payops.migrations set applied_at = '2026-08-01'")
    latest = "select max(name) from payops.migrations"
    owner.execute(f"update payops.migrations set applied_at = '2026-09-12 12:00Z' where name = ({latest})")
    owner.execute("update payops.deployment set deployed_at = '2026-08-01'")
    marked = [(each["day"], overview.mark_in_words(each)) for each in loaded(database).marks]
    assert marked == [
        ("2026-09-08", "A page failed."),
        ("2026-09-10", "Refunds paused"),
        ("2026-09-10", "Refunds resumed"),
        ("2026-09-12", "New version deployed"),
    ]


def test_the_first_deployment_is_no_mark(database, owner):
    owner.execute("update payops.migrations set applied_at = '2026-09-09'")
    owner.execute("update payops.deployment set deployed_at = '2026-09-09'")
    assert loaded(database).marks == []


def test_a_user_sees_the_figures_of_their_role_until_they_choose(database, owner):
    owner.execute(
        "insert into payops.staff (name, role, email, password_hash, must_change_password, created_at,"
        " password_changed_at) values ('ada', 'admin', 'x@example.com', 'x', false, now(), now())"
    )
    ada, fin = Actor("staff:ada", Role.ADMIN), Actor("staff:fin", Role.FINANCE)
    assert overview_choice.of_user(database, ada) == ["payment_success_rate", "net", "mrr", "failed_payments"]
    overview_choice.choose(database, ada, ["mrr", "webhook_delay"], NOW)
    assert overview_choice.of_user(database, ada) == ["mrr", "webhook_delay"]
    assert overview_choice.of_user(database, fin)[0] == "net"
    overview_choice.choose(database, ada, [], NOW)
    assert overview_choice.of_user(database, ada)[0] == "payment_success_rate"


@pytest.mark.parametrize("names", [["mrr"] * 2, ["no_such_figure"], [each.name for each in OF_THE_OVERVIEW[:5]]])
def test_only_four_figures_that_there_are_can_be_chosen(database, names):
    with pytest.raises(Refused, match="bad_figures"):
        overview_choice.choose(database, Actor("staff:ada", Role.ADMIN), names, NOW)


def test_a_chosen_figure_without_data_leaves_its_place_to_the_next():
    readings = [wording.Reading(each, "1", "", None) for each in OF_THE_OVERVIEW[:3]]
    first, second, third = readings
    assert overview_choice.shown(readings, [third.definition.name, "mrr"]) == ([third, first], [second])


def test_the_days_of_a_figure_add_up_to_it(told, database, owner):
    told(*paid("a", 8), *paid("b", 10), *failed("c", 10), *paid("d", 14))
    owner.execute(
        "insert into payops.daily_balances"
        " (day, currency, reporting_category, transactions, amount_minor, fee_minor, net_minor)"
        " values ('2026-09-08', 'usd', 'charge', 1, 1000, 59, 941), ('2026-09-09', 'usd', 'payout', 1, -900, 0, -900),"
        " ('2026-09-10', 'usd', 'refund', 1, -100, 0, -100), ('2026-09-10', 'eur', 'charge', 1, 7, 0, 7)"
    )
    assert loaded(database).figures["net"]["value"] == 841
    days = overview.series(database, PERIOD, "usd", ["net", "authorization_rate", "webhook_delay"])
    assert days == {"net": [941, 0, -100, 0, 0, 0, 0], "authorization_rate": [1, None, 0.5, None, None, None, 1]}


def test_recurring_revenue_of_each_day_is_what_runs_at_its_end(database, owner):
    lives = [
        (1000, "2026-09-01", "infinity"),
        (500, "2026-09-09 12:00", "2026-09-12 12:00"),
        (300, "2026-08-01", "2026-09-02"),
    ]
    for number, (minor, starts, ends) in enumerate(lives):
        owner.execute(
            "insert into payops.subscription_history (subscription_id, item_place, customer_id, currency, starts_at,"
            " ends_at, status, scheduled_to_cancel, item, discounts, price_minor, monthly_minor)"
            " values (%s, 1, 'cus', 'usd', %s, %s, 'active', false, '{}', '[]', %s, %s)",
            (f"sub_{number}", starts, ends, minor, minor),
        )
    owner.execute("select payops.rebuild_revenue_changes('{cus}')")
    assert overview.series(database, PERIOD, "usd", ["mrr"])["mrr"] == [1000, 1500, 1500, 1500, 1000, 1000, 1000]


def test_assignment_of_each_day_is_the_share_that_was_assigned_at_once(database, owner):
    came = [("2026-09-08 16:00Z", "assigned"), ("2026-09-08 17:00Z", "waiting"), ("2026-09-10 16:00Z", "assigned")]
    for number, (at, status) in enumerate(came):
        owner.execute(
            "insert into payops.consultations (id, submission_id, body_sha256, patient_id, state, specialty,"
            " received_at, status, reason, first_answer)"
            " values (%s, %s, '', 'patient_1', 'NY', 'dermatology', %s, 'waiting', '', %s)",
            (f"cons_{number}", f"sm_{number}", at, json.dumps({"status": status})),
        )
    expected = {"assignment_success_rate": [0.5, None, 1, None, None, None, None]}
    owner.execute("select payops.refresh_observations()")
    assert overview.series(database, PERIOD, "usd", ["assignment_success_rate"]) == expected
    owner.execute("insert into payops.stale_observation_days (day) values ('2026-09-08')")
    assert overview.series(database, PERIOD, "usd", ["assignment_success_rate"]) == expected


@pytest.mark.parametrize(
    ("days", "unfinished", "lines", "a_point"),
    [
        ([1, 2, 3], False, 1, False),
        ([1, 2, 3, 1], True, 2, True),
        ([1, 2, None, 3, 4], False, 2, False),
        ([None, 5], False, 0, False),
        ([0, 0, 0], False, 1, False),
    ],
)
def test_a_sparkline_has_gaps_and_an_unfinished_today(days, unfinished, lines, a_point):
    drawn = sparkline.svg(days, unfinished=unfinished)
    assert (drawn.count("<polyline"), "<path" in drawn) == (lines, a_point)


def test_a_long_sparkline_keeps_its_last_day():
    drawn = sparkline.svg(list(range(366)), unfinished=False)
    assert drawn.count(",") <= 61
