"""An object in Stripe's answer to a request of ours gives the same mirror rows as its events do."""

from datetime import datetime

from core.events.registry import Records, Snapshot
from core.events.repair.backfill import FETCHED, SOURCES
from core.events.repair.partial_lists import is_partial
from core.stripe_gateway import Json

_BY_TYPE = {source.object_type: source for source in SOURCES}


def records_of(answer: Json, *, as_of: datetime, livemode: bool) -> Records:
    """The mirror rows of this object as Stripe just returned it; none for a kind that is not mirrored."""
    source = _BY_TYPE.get(answer.get("object", ""))
    if source is None or not source.mirrored(answer) or is_partial(answer):  # of a part, the event brings the whole
        return {}
    if answer.get("deleted") and source.name != "customers":
        return {}
    return source.projection(Snapshot(answer, as_of.replace(microsecond=0), FETCHED, livemode))
