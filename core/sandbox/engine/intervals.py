"""Calendar arithmetic of billing: the same day next month, or the month's last."""

import calendar
from datetime import UTC, datetime, timedelta


def after(start: int, interval: str, count: int = 1, anchor: int | None = None) -> int:
    """`start` plus `count` intervals (UTC); months keep the anchor's day if they have it."""
    moment = datetime.fromtimestamp(start, UTC)
    if interval in ("day", "week"):
        return int((moment + timedelta(days=count * (7 if interval == "week" else 1))).timestamp())
    months = moment.year * 12 + moment.month - 1 + count * (12 if interval == "year" else 1)
    year, month = divmod(months, 12)
    wanted = datetime.fromtimestamp(anchor, UTC).day if anchor is not None else moment.day
    day = min(wanted, calendar.monthrange(year, month + 1)[1])
    return int(moment.replace(year=year, month=month + 1, day=day).timestamp())
