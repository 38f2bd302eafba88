"""The rate of live customers: that of the end of the written history, by weekday and hour."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from core.sandbox.seed.business import HOUR_WEIGHTS, VISITS_PER_DAY, WEEKDAY_SHARE, ZONES

DAY_SECONDS = 86_400


def visits_per_second(now: float) -> float:
    """Visits per second at that moment; patients of each time zone come at their local hours."""
    moment = datetime.fromtimestamp(now, UTC)
    share = sum(weight * _share_of_hour(moment.astimezone(ZoneInfo(zone))) for zone, weight in ZONES.items())
    return VISITS_PER_DAY[1] / DAY_SECONDS * share / sum(ZONES.values())


def _share_of_hour(local: datetime) -> float:
    """1.0 is an average hour of an average day."""
    hour = HOUR_WEIGHTS[local.hour] * len(HOUR_WEIGHTS) / sum(HOUR_WEIGHTS)
    return hour * WEEKDAY_SHARE[local.weekday()]
