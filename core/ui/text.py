"""Escaping text from outside for Markdown, and times as text."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>$~:&=^])")
# Where Streamlit's Markdown still finds a URL, an emoji or an icon although every character is escaped, and the
# invisible character that prevents it.
_COMES_ALIVE = re.compile(r"(?<=:)(?=//)|(?<=@)|(?<=www)(?=\.)|(?<=:)(?=[\w+/-]+:)", re.IGNORECASE)
_WORD_JOINER = "\u2060"


def literal(text: object) -> str:
    """`text` escaped for Markdown: no formatting, link, formula, icon or colour in it is rendered."""
    one_line = " ".join(str(text).split())
    return _SPECIAL.sub(r"\\\1", _COMES_ALIVE.sub(_WORD_JOINER, one_line))


def code(text: object) -> str:
    """`text` as inline code, for ids."""
    return f"`{' '.join(str(text).replace('`', '').split())}`"


def ago(moment: datetime, now: datetime) -> str:
    """How long ago `moment` was: `now`, `5 min ago`, `3 h ago`, `12 days ago`."""
    minutes = int((now - moment).total_seconds() // 60)
    if minutes < 1:
        return "now"
    if minutes < 60:
        return f"{minutes} min ago"
    if minutes < 48 * 60:
        return f"{minutes // 60} h ago"
    return f"{minutes // (24 * 60)} days ago"


def zone_name(zone: ZoneInfo) -> str:
    """The zone's name without underscores: `America/New York`."""
    return zone.key.replace("_", " ")


def in_zone_of(written: str, zone: ZoneInfo) -> str:
    """`in_zone` for a time in ISO 8601."""
    return in_zone(datetime.fromisoformat(written), zone)


def in_zone(moment: datetime, zone: ZoneInfo) -> str:
    """Day and time in `zone`, with the zone's name: `24 Nov 2026, 07:30 EST`."""
    return f"{moment.astimezone(zone):%-d %b %Y, %H:%M %Z}"
