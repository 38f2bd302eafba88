"""What Stripe answered to us leaves the same rows in the mirror as what its events tell."""

from datetime import datetime

from core.events.backfill import FETCHED, SOURCES
from core.events.partial_lists import is_partial
from core.events.registry import Records, Snapshot
from core.stripe_gateway import Json

_BY_TYPE = {source.object_type: source for source in SOURCES}


def records_of(answer: Json, *, as_of: datetime, livemode: bool) -> Records:
    """The mirror's rows for this object as Stripe just gave it; none for a kind that is not mirrored."""
    source = _BY_TYPE.get(answer.get("object", ""))
    if source is None or not source.mirrored(answer) or is_partial(answer):  # of a part, the event brings the whole
        return {}
    if answer.get("deleted") and source.name != "customers":
        return {}
    return source.projection(Snapshot(answer, as_of.replace(microsecond=0), FETCHED, livemode))
