"""Makes mirror rows of the objects that Stripe returns to our own requests: the same rows as its events give."""

from datetime import datetime

from core.events.registry import Records, Snapshot
from core.events.repair.backfill import FETCHED, SOURCES
from core.events.repair.partial_lists import is_partial
from core.stripe_gateway import Json

_BY_TYPE = {source.object_type: source for source in SOURCES}


def records_of(answer: Json, *, as_of: datetime, livemode: bool) -> Records:
    """The mirror rows of the object that Stripe just returned; none for a kind that is not mirrored."""
    source = _BY_TYPE.get(answer.get("object", ""))
    if (
        source is None or not source.mirrored(answer) or is_partial(answer)
    ):  # a list in the object is incomplete; its event is applied with all of it
        return {}
    if answer.get("deleted") and source.name != "customers":
        return {}
    return source.projection(Snapshot(answer, as_of.replace(microsecond=0), FETCHED, livemode))
