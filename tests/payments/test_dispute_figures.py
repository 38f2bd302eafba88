"""The disputes page counts as the overview does, and says which figure is not final."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from core.monitoring import overview
from core.payments.disputes import dispute_figures
from core.periods import Period
from tests.payments.test_networks import DAY, NOW, a_month

__all__ = ["a_month"]
ZONE = ZoneInfo("America/New_York")
PERIOD = Period(date(2026, 11, 1), DAY, ZONE)


def test_the_figures_are_those_of_the_overview(a_month, database):
    whole = overview.load(database, PERIOD, currency="usd", now=NOW)
    ours = dispute_figures.load(database, PERIOD, currency="usd")
    assert ours.figures["dispute_activity"]["numerator"] == 4
    assert all(whole.figures[name] == figure for name, figure in ours.figures.items())
    assert all(whole.previous[name] == figure for name, figure in ours.previous.items())
    assert (ours.daily, ours.previous_daily) == (whole.daily, whole.previous_daily)


def test_payments_that_may_still_be_disputed_say_until_when(a_month, database):
    found = dispute_figures.load(database, PERIOD, currency="usd")
    young = {each.definition.name: each.rests_on for each in found.readings(DAY)}
    assert young["dispute_rate"].endswith("; not final before 20 Mar 2027")
    assert "final" not in young["dispute_activity"]
    old = {each.definition.name: each.rests_on for each in found.readings(DAY + timedelta(days=120))}
    assert "final" not in old["dispute_rate"]


def test_without_events_there_is_no_freshness(database, owner):
    found = dispute_figures.load(database, PERIOD, currency="usd")
    assert found.fresh_at is None
    owner.execute(
        "insert into payops.events (id, type, created, received_at, livemode, payload, body_sha256)"
        " values ('evt_f', 'x', now(), '2026-11-24T12:00Z', false, '{}', 'x')"
    )
    assert dispute_figures.load(database, PERIOD, currency="usd").fresh_at == datetime(2026, 11, 24, 12, tzinfo=UTC)
