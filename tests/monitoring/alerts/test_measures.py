"""What each rule measures: when it fires and when it clears."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from core.errors import Refused
from core.monitoring.alerts import dry_run
from core.monitoring.alerts.decisions import Observation
from core.monitoring.alerts.rules import RULES
from core.monitoring.alerts.sentences import sentence
from core.providers import licences

NOON = datetime(2026, 11, 24, 17, tzinfo=UTC)  # a Tuesday, 12:00 in New York


def insert(owner, table, **values):
    """A row of the table; answers its first column."""
    names, marks = ", ".join(values), ", ".join(["%s"] * len(values))
    row = owner.execute(f"insert into payops.{table} ({names}) values ({marks}) returning *", list(values.values()))
    return row.fetchone()[0]


def mirror(owner, table, name, at, **values):
    """An object of Stripe's in the mirror."""
    said = {"livemode": False, "created": at, "as_of": at, "state_rank": 0, "event_id": "evt_1"} | values
    insert(owner, table, id=name, **said)


def observed(database, name, at=NOON, **numbers):
    """What the rule says at one moment, by subject."""
    rule = replace(RULES[name], **numbers)
    rows = database.call("observe_alerts", rules=[rule.as_measure()], now=at)
    return {row["key"]: row for row in rows}


def told(row):
    rule = RULES[row["rule"]]
    return sentence(rule, Observation.from_row(rule.name, row), ZoneInfo("America/New_York"))


def pay(owner, number, *, at=NOON, failed=0, code="do_not_honor", country=None, currency="usd", name="p"):
    """`number` payments a second apart before `at`, the first `failed` of which failed."""
    with owner.transaction():
        _pay(owner, number, at, failed, code, country, currency, name)


def _pay(owner, number, at, failed, code, country, currency, name):
    for n in range(number):
        moment, state = at - timedelta(seconds=n + 1), "failed" if n < failed else "succeeded"
        insert(
            owner,
            "payment_facts",
            payment_intent_id=f"pi_{name}{at:%m%d%H%M}{n}",
            created=moment,
            created_day=moment.date(),
            first_attempt_at=moment,
            day=moment.date(),
            currency=currency,
            amount_minor=4900,
            state=state,
            decline_code=code,
            card_country=country,
        )


def four_weeks_before(at=NOON):
    """The same local time of each of the four weeks before; the clocks went back on 1 November."""
    return [at - timedelta(weeks=week) - timedelta(hours=week > 3) for week in range(1, 5)]


def send_events(owner, moments, *, handled_ms=20, outcome="applied"):
    for n, moment in enumerate(moments):
        name = f"evt_{moment:%m%d%H%M%S}_{n}"
        what = {"type": "charge.succeeded", "created": moment, "received_at": moment, "livemode": False}
        insert(owner, "events", id=name, payload="{}", body_sha256="", **what)
        handled_at = moment + timedelta(milliseconds=handled_ms)
        insert(owner, "event_handlings", event_id=name, outcome=outcome, handled_at=handled_at)


@pytest.mark.parametrize("name", list(RULES))
def test_no_rule_fires_without_data(database, owner, name):
    assert not any(row["fires"] for row in observed(database, name).values())
    assert dry_run.over(database, RULES[name], NOON - timedelta(hours=2), NOON).episodes == []


def test_intervals_are_those_of_the_textbook(owner):
    """Newcombe (1998): 56 of 70 against 48 of 80; Wilson: 9 of 10 lie between 59.6% and 98.2%."""
    low, high = owner.execute("select * from payops.wilson(9, 10, 1.959964)").fetchone()
    assert (round(low, 4), round(high, 4)) == (0.5958, 0.9821)
    change, low, high = owner.execute("select * from payops.share_change(56, 70, 48, 80, 1.959964)").fetchone()
    assert (round(change, 4), round(low, 4), round(high, 4)) == (0.2, 0.0524, 0.3339)


def test_a_success_rate_is_low_only_where_chance_does_not_explain_it(database, owner):
    pay(owner, 40, failed=4)
    assert not observed(database, "success_rate_low")["usd"]["fires"]  # 90%, but of 40 payments
    pay(owner, 160, failed=40, at=NOON - timedelta(minutes=30))
    found = observed(database, "success_rate_low")["usd"]
    assert (found["value"], found["observations"], found["fires"], found["clears"]) == (0.78, 200, True, False)
    assert not observed(database, "success_rate_low", minimum=201)["usd"]["fires"]
    pay(owner, 30, at=NOON + timedelta(hours=7))
    later = observed(database, "success_rate_low", NOON + timedelta(hours=7))["usd"]
    assert (later["fires"], later["clears"]) == (False, True)


def test_currencies_are_measured_apart(database, owner):
    pay(owner, 60, failed=30, currency="eur")
    pay(owner, 60, name="q")
    found = observed(database, "success_rate_low")
    assert {key: row["fires"] for key, row in found.items()} == {"eur": True, "usd": False}


def test_a_drop_is_measured_against_the_same_hours_of_the_last_four_weeks(database, owner):
    for at in four_weeks_before():
        pay(owner, 50, failed=2, at=at)
        pay(owner, 50, failed=50, at=at + timedelta(hours=8), name="other")  # another hour: no comparison
    pay(owner, 40, failed=16)
    found = observed(database, "success_rate_dropped")["usd"]
    assert found["facts"] == {"succeeded": 24, "base_decided": 200, "base_succeeded": 192}
    assert (found["value"], found["fires"]) == (0.6, True)


def test_a_new_clinic_has_no_baseline_to_drop_under(database, owner):
    pay(owner, 40, failed=40)
    found = observed(database, "success_rate_dropped")["usd"]
    assert (found["fires"], found["clears"]) == (False, True)


def test_a_code_and_a_country_that_rise_are_named_and_others_are_not(database, owner):
    for at in four_weeks_before():
        pay(owner, 60, failed=1, code="do_not_honor", country="FR", at=at)
        pay(owner, 60, failed=2, code="insufficient_funds", country="US", at=at - timedelta(minutes=5), name="us")
    pay(owner, 60, failed=20, code="issuer_not_available", country="FR")
    pay(owner, 60, failed=2, code="insufficient_funds", country="US", at=NOON - timedelta(minutes=5), name="us")
    codes = observed(database, "decline_code_rising")
    assert {key: row["fires"] for key, row in codes.items()} == {
        "issuer_not_available": True,
        "insufficient_funds": False,
    }
    assert codes["issuer_not_available"]["facts"] == {"failed": 20, "base_decided": 480, "base_failed": 0}
    countries = observed(database, "issuer_country_rising")
    assert {key: row["fires"] for key, row in countries.items()} == {"FR": True, "US": False}
    assert countries["FR"]["facts"] == {"failed": 20, "base_decided": 240, "base_failed": 4}


def test_silence_is_measured_against_what_is_normal_at_this_hour(database, owner):
    for at in four_weeks_before():  # an event every ten minutes around noon
        send_events(owner, [at + timedelta(minutes=10 * n) for n in range(-18, 18)])
    send_events(owner, [NOON - timedelta(minutes=29)])  # ten minutes are normal, three times as long is not
    assert not observed(database, "webhook_silence")[""]["fires"]
    found = observed(database, "webhook_silence", NOON + timedelta(minutes=10))[""]
    assert (round(found["value"]), found["fires"]) == (39, True)
    send_events(owner, [NOON + timedelta(minutes=11)])
    after = observed(database, "webhook_silence", NOON + timedelta(minutes=12))[""]
    assert (after["fires"], after["clears"]) == (False, True)


def test_a_quiet_night_is_no_silence(database, owner):
    night = NOON - timedelta(hours=9)
    for at in four_weeks_before(night):
        send_events(owner, [at - timedelta(hours=4), at + timedelta(hours=2)])
    send_events(owner, [night - timedelta(hours=5)])
    assert not observed(database, "webhook_silence", night)[""]["fires"]


def test_where_events_are_new_silence_is_measured_against_the_last_ones(database, owner):
    send_events(owner, [NOON - timedelta(minutes=60 + 2 * n) for n in range(30)])
    assert observed(database, "webhook_silence")[""]["fires"]
    assert not observed(database, "webhook_silence", minimum=31)[""]["fires"]


def test_a_backlog_is_what_waited_longer_than_the_window(database, owner):
    send_events(owner, [NOON - timedelta(minutes=20 + n) for n in range(5)], outcome="failed")
    send_events(owner, [NOON - timedelta(minutes=2)], outcome="failed")
    found = observed(database, "webhook_backlog")[""]
    assert (found["value"], found["fires"]) == (5, True)
    owner.execute("update payops.event_handlings set outcome = 'applied', handled_at = %s", (NOON,))
    assert observed(database, "webhook_backlog", NOON + timedelta(minutes=10))[""]["clears"]
    past = dry_run.over(database, RULES["webhook_backlog"], NOON - timedelta(hours=1), NOON, step_minutes=5)
    assert len(past.episodes) == 1  # what was applied late is still known to have waited


def test_slow_handling_is_the_95th_percentile_of_the_window(database, owner):
    send_events(owner, [NOON - timedelta(seconds=n) for n in range(1, 95)], handled_ms=40)
    send_events(owner, [NOON - timedelta(seconds=200 + n) for n in range(6)], handled_ms=900)
    assert not observed(database, "webhook_handling_slow", minimum=101)[""]["fires"]
    found = observed(database, "webhook_handling_slow")[""]
    assert (found["fires"], found["observations"]) == (True, 100)
    assert 500 < found["value"] <= 900


def test_each_state_with_patients_who_wait_too_long_fires(database, owner):
    waited = (("a", "TX", 45, None), ("b", "TX", 31, None), ("c", "CA", 29, None), ("d", "NY", 90, 5))
    for name, state, minutes, assigned in waited:
        received = NOON - timedelta(minutes=minutes)
        who = {"id": name, "submission_id": name, "body_sha256": "", "patient_id": "p", "specialty": "x"}
        assigned_at = received + timedelta(minutes=assigned) if assigned else None
        when = {"received_at": received, "assigned_at": assigned_at, "status": "waiting", "reason": ""}
        insert(owner, "consultations", state=state, **who, **when)
    found = observed(database, "waiting_too_long")
    assert {key: (row["observations"], row["value"]) for key, row in found.items()} == {"TX": (2, 45)}


def test_a_dispute_is_told_of_with_three_days_left_and_again_with_one(database, owner):
    disputes = (("dp_1", 71, "needs_response"), ("dp_2", 23, "needs_response"), ("dp_3", 20, "under_review"))
    for name, hours, status in disputes:
        due = {"evidence_due_by": NOON + timedelta(hours=hours), "amount_minor": 4900, "currency": "usd"}
        mirror(owner, "disputes", name, NOON - timedelta(days=9), status=status, **due)
    assert set(observed(database, "evidence_due_soon")) == {"dp_1", "dp_2"}
    assert set(observed(database, "evidence_due_now")) == {"dp_2"}
    assert set(observed(database, "evidence_due_now", NOON + timedelta(hours=50))) == {"dp_1"}


def payout(owner, arrival_date, status):
    money = {"amount_minor": 100000, "currency": "usd", "status": status, "arrival_date": arrival_date}
    mirror(owner, "payouts", "po_1", NOON, **money)


def test_a_payout_is_late_by_the_banks_calendar(database, owner):
    """Thursday 26 November 2026 is Thanksgiving: what should come on it comes on Friday, and is late on Monday."""
    payout(owner, "2026-11-26", "in_transit")
    late = {day: observed(database, "payout_late", NOON + timedelta(days=day)) for day in range(2, 8)}
    assert [day for day, rows in late.items() if rows] == [6, 7]  # the 30th and 1 December
    owner.execute("update payops.payouts set status = 'paid'")
    assert observed(database, "payout_late", NOON + timedelta(days=7)) == {}


def test_thousands_of_late_payouts_of_a_day_are_one_alert(database, owner):
    owner.execute(
        "insert into payops.payouts (id, livemode, created, as_of, state_rank, event_id, amount_minor, currency,"
        " status, arrival_date) select 'po_' || n, false, %s, %s, 0, 'e', 4900, 'usd', 'in_transit', date '2026-11-24'"
        " from generate_series(1, 5000) as n",
        (NOON, NOON),
    )
    (one,) = observed(database, "payout_late", NOON + timedelta(days=1)).values()
    assert (one["observations"], one["facts"]["payout"]) == (5000, None)
    assert told(one) == "5,000 payouts of $245,000.00 together should have been at the bank on 24 Nov 2026 and are not."


def test_with_bank_statements_a_payout_is_late_until_its_deposit_is_matched(database, owner):
    payout(owner, "2026-11-24", "paid")
    account = insert(owner, "bank_accounts", name="main", currency="usd")
    days = {"from_date": "2026-11-20", "to_date": "2026-11-30", "imported_at": NOON, "imported_by": "cli:x"}
    file = {"format": "csv", "file_name": "f", "file_sha256": "s", "statement_key": "k", "entries_read": 0}
    statement = insert(owner, "bank_statements", account_id=account, **days, **file)
    (alone,) = observed(database, "payout_late", NOON + timedelta(days=1)).values()
    assert told(alone) == "The payout po_1 of $1,000.00 should have been at the bank on 24 Nov 2026 and is not."
    came = {"entry_key": "e", "status": "booked", "booked_on": "2026-11-27", "recognised_by": "trace_id"}
    amount = {"amount_minor": 100000, "currency": "usd"}
    entry = insert(owner, "bank_entries", account_id=account, statement_id=statement, **came, **amount)
    how = {"matched_by": "trace_id", "matched_at": NOON, "matched_by_user": "system:worker"}
    insert(owner, "payout_deposits", payout_id="po_1", bank_entry_id=entry, **how)
    assert set(observed(database, "payout_late", NOON + timedelta(days=2))) == {"usd:2026-11-24"}
    assert observed(database, "payout_late", NOON + timedelta(days=3)) == {}


def test_a_mismatch_fires_until_it_is_fixed_or_accepted(database, owner):
    differs = {"leg": "payouts", "day": NOON.date(), "currency": "usd", "subject_kind": "payout", "facts": "{}"}
    seen = {"first_seen": NOON - timedelta(days=2), "last_seen": NOON, "amount_minor": 5000}
    accepted = {"state": "accepted", "accepted_by": "staff:fin", "accepted_at": NOON - timedelta(days=1)}
    fixed = {"state": "fixed", "fixed_at": NOON - timedelta(hours=1)}
    for key, kind, state in (("a", "amount", {}), ("b", "fee", accepted), ("c", "amount", fixed), ("d", "timing", {})):
        what = {"key": key, "class": kind, "subject": f"po_{key}", "difference_minor": -120}
        insert(owner, "mismatches", **what, **differs, **seen, **state)
    (alone,) = observed(database, "reconciliation_mismatch").values()
    assert (alone["key"], alone["observations"], alone["value"]) == (f"amount:usd:{NOON.date()}", 1, 120)
    assert told(alone).endswith("po_a of 24 Nov 2026 differs by -$1.20.")
    before = observed(database, "reconciliation_mismatch", NOON - timedelta(hours=30))
    assert {key.partition(":")[0]: row["observations"] for key, row in before.items()} == {"amount": 2, "fee": 1}
    assert told(before[alone["key"]]).endswith("2 mismatches of 24 Nov 2026 total $2.40.")


def test_thousands_of_mismatches_of_a_day_are_one_alert(database, owner):
    owner.execute(
        "insert into payops.mismatches (key, class, leg, day, currency, subject_kind, subject, difference_minor,"
        " amount_minor, facts, first_seen, last_seen)"
        " select 'k' || n, 'amount', 'payouts', %s, 'usd', 'payout', 'po_' || n, 4900, 4900, '{}', %s, %s"
        " from generate_series(1, 5000) as n",
        (NOON.date(), NOON - timedelta(hours=2), NOON),
    )
    (one,) = observed(database, "reconciliation_mismatch").values()
    assert (one["observations"], one["value"]) == (5000, 5000 * 4900)


def test_the_mirror_fires_until_a_comparison_finds_nothing_wrong(database, owner):
    for days, wrong in ((2, 0), (1, 3), (0, 0)):
        at = NOON - timedelta(days=days)
        span = dict.fromkeys(("since", "until", "older_since", "older_until", "begun_at", "done_at"), at)
        insert(owner, "comparisons", days_a_part=1, equal=997, wrong=wrong, healed=wrong, **span)
    past = dry_run.over(database, RULES["mirror_inaccurate"], NOON - timedelta(days=3), NOON, step_minutes=60)
    (only,) = past.episodes
    assert (only.first.at, only.until) == (NOON - timedelta(days=1), NOON)
    assert only.first.facts == {"wrong": 3, "healed": 3}
    assert past.messages == 2


def test_an_unknown_rule_is_refused(database, owner):
    with pytest.raises(Refused, match="unknown_rule"):
        database.call("observe_alerts", rules=[RULES["incident"].as_measure() | {"name": "drop_table"}], now=NOON)


def licence(owner, provider, state, last_day, zone="America/Chicago", **facts):
    ends = datetime.combine(last_day + timedelta(days=1), datetime.min.time(), ZoneInfo(zone))
    known = {"status": "active", "valid_from": NOON - timedelta(days=400), "valid_until": ends, "expires_on": last_day}
    return insert(owner, "licences", provider_id=provider, state=state, **known | facts)


def test_licences_with_the_same_last_day_are_one_alert_and_its_list_has_exactly_those(database, owner):
    made = {"specialties": ["dermatology"], "capacity": 9, "created_at": NOON - timedelta(days=500), "updated_at": NOON}
    for who, active in (("ann", True), ("ben", True), ("gone", False)):
        insert(owner, "providers", id=who, name=who.title(), active=active, **made)
    day, earlier = NOON.date() + timedelta(days=6), NOON.date() - timedelta(days=2)
    for who in ("ann", "ben", "gone"):
        licence(owner, who, "TX", day)
    licence(owner, "ann", "ME", day, "America/New_York")
    licence(owner, "ann", "OH", day, "America/New_York", status="suspended")
    licence(owner, "ben", "AZ", earlier, "America/Phoenix")
    licence(owner, "ben", "CA", NOON.date() + timedelta(days=31), "America/Los_Angeles")
    seen = observed(database, "licence_expiring")
    assert {key: row["observations"] for key, row in seen.items()} == {str(day): 3, str(earlier): 1}
    assert told(seen[str(day)]) == "3 licences in Maine and Texas end on 30 Nov 2026."
    assert told(seen[str(earlier)]) == "The licence of Ben in Arizona ended on 22 Nov 2026."
    for key, row in seen.items():
        listed = licences.expiring(database, NOON, last_day=date.fromisoformat(key))
        assert (listed["total"], {one["expires_on"] for one in listed["items"]}) == (row["observations"], {key})


def test_many_licences_that_end_in_a_window_are_an_alert_a_day_and_are_listed_page_by_page(database, owner):
    """Also where the tables were analysed after a dry run of the import, so that the planner takes them for empty."""
    with owner.transaction(force_rollback=True):
        _many_licences(owner)
    owner.execute("analyze payops.providers, payops.licences")
    _many_licences(owner)
    seen = observed(database, "licence_expiring")
    assert sorted(row["observations"] for row in seen.values()) == [60] * 20
    pages = [licences.expiring(database, NOON, days=30, skip=skip, limit=400) for skip in (0, 400, 800, 1200)]
    assert [len(page["items"]) for page in pages] == [400, 400, 400, 0]
    assert {page["total"] for page in pages[:3]} == {1200}
    assert len({one["id"] for page in pages for one in page["items"]}) == 1200


def _many_licences(owner):
    owner.execute(
        "insert into payops.providers (id, name, active, capacity, specialties, created_at, updated_at)"
        " select 'p' || n, 'P ' || n, true, 9, '{dermatology}', %(at)s, %(at)s from generate_series(1, 1200) as n",
        {"at": NOON - timedelta(days=500)},
    )
    owner.execute(
        "insert into payops.licences (provider_id, state, status, valid_from, valid_until, expires_on)"
        " select 'p' || n, 'TX', 'active', %(at)s, (d.day + 1)::timestamp at time zone 'America/Chicago', d.day"
        " from generate_series(1, 1200) as n, lateral (select date '2026-11-25' + n %% 20 as day) as d",
        {"at": NOON - timedelta(days=400)},
    )
