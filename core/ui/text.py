"""Text from outside, shown as text."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>$~:&=^])")
# What is read as an address, an emoji or an icon even where each sign of it is escaped, and the invisible sign that
# keeps it from that.
_COMES_ALIVE = re.compile(r"(?<=:)(?=//)|(?<=@)|(?<=www)(?=\.)|(?<=:)(?=[\w+/-]+:)", re.IGNORECASE)
_WORD_JOINER = "\u2060"


def literal(text: object) -> str:
    """`text` for a place that reads Markdown: no formatting, link, formula, icon or colour in it comes alive."""
    one_line = " ".join(str(text).split())
    return _SPECIAL.sub(r"\\\1", _COMES_ALIVE.sub(_WORD_JOINER, one_line))


def code(text: object) -> str:
    """`text` as code, in letters of one width: an id of ours or of Stripe."""
    return f"`{' '.join(str(text).replace('`', '').split())}`"


def ago(moment: datetime, now: datetime) -> str:
    """How long ago `moment` was, as one says it: `now`, `5 min ago`, `3 h ago`, `12 days ago`."""
    minutes = int((now - moment).total_seconds() // 60)
    if minutes < 1:
        return "now"
    if minutes < 60:
        return f"{minutes} min ago"
    if minutes < 48 * 60:
        return f"{minutes // 60} h ago"
    return f"{minutes // (24 * 60)} days ago"


def in_zone(moment: datetime, zone: ZoneInfo) -> str:
    """Day and time in `zone`, with its name: `2026-11-24 07:30 EST`."""
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M %Z}"
