"""Fixing a mismatch by fetching from Stripe again: only its objects, or everything of its day."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from core.db import Database
from core.errors import Refused
from core.events.registry import Row, Snapshot
from core.events.repair.backfill import FETCHED, SOURCES, Source
from core.events.repair.partial_lists import completed
from core.finance.mismatches import FIXED, PAGE, Mismatch
from core.periods import Clock, Period
from core.staff.roles import Actor, require
from core.stripe_gateway import Json, StripeGateway

NOT_FOUND = 404
DAY_KINDS = ("charges", "refunds", "disputes", "balance_transactions", "payouts")
ROWS_A_CALL = 500
_SOURCES = {source.name: source for source in SOURCES}
_BY_PREFIX = {
    "ch": "charges",
    "py": "charges",
    "re": "refunds",
    "pyr": "refunds",
    "dp": "disputes",
    "du": "disputes",
    "po": "payouts",
    "txn": "balance_transactions",
}
_BY_KIND = {
    "charge": "charges",
    "refund": "refunds",
    "dispute": "disputes",
    "payout": "payouts",
    "balance_transaction": "balance_transactions",
    "payout_content": "balance_transactions",
}


@dataclass
class _Fetched:
    """What was fetched: rows by table that are still to be stored, ids that Stripe does not have, contents of payouts,
    and what was asked for.
    """

    records: dict[str, list[Row]] = field(default_factory=dict)
    gone: list[dict[str, str]] = field(default_factory=list)
    contents: list[dict[str, object]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Fetching:
    """What fetching needs: the gateway to ask, and the database to write to, at most `rows_a_call` rows at once."""

    db: Database
    stripe: StripeGateway
    clock: Clock
    livemode: bool
    rows_a_call: int = ROWS_A_CALL


def fetch_again(fetching: Fetching, actor: Actor, mismatch: Mismatch) -> bool:
    """Mirror the mismatch's objects as Stripe has them now; returns whether that fixed it.

    Objects that Stripe does not have are removed from the mirror. Raises `Unauthorised`; `Refused` if there is nothing
    to fetch or Stripe refuses our key; `Unavailable` if Stripe or the database does not answer.
    """
    require(actor, PAGE)
    found = _Fetched()
    for source, object_id in _objects_of(mismatch):
        _fetch(fetching, mismatch, source, object_id, found)
    if not found.asked:
        raise Refused("nothing_to_fetch", "Stripe has no object for this mismatch. Nothing was changed.")
    return _record(fetching, actor, mismatch, "fetched", found)


def backfill_day(fetching: Fetching, actor: Actor, mismatch: Mismatch, zone: ZoneInfo) -> bool:
    """Mirror every payment, refund, dispute, payout and balance transaction of the mismatch's day; returns whether that
    fixed it. Raises as `fetch_again` does.
    """
    require(actor, PAGE)
    day = date.fromisoformat(mismatch["day"])
    since, until = Period(day, day, zone).bounds()
    created = {"gte": int(since.timestamp()), "lt": int(until.timestamp())}
    found = _Fetched(asked=[f"{kind} of {day}" for kind in DAY_KINDS])
    for kind in DAY_KINDS:
        source = _SOURCES[kind]
        for each in fetching.stripe.each(source.path, created=created, **dict(source.params)):
            _add(fetching, mismatch, source, each, found)
    return _record(fetching, actor, mismatch, "backfilled", found)


def _objects_of(mismatch: Mismatch) -> Iterable[tuple[Source, str]]:
    """The objects that the mismatch is about, each once; also its payout, since its list of contents may be wrong."""
    facts = mismatch["facts"]
    named = [
        (mismatch["subject"], _BY_KIND.get(mismatch["subject_kind"])),
        (facts.get("object"), None),
        (facts.get("movement"), "balance_transactions"),
        *((each, "balance_transactions") for each in facts.get("movements", [])),
        (mismatch["payout_id"], "payouts"),
    ]
    seen: set[str] = set()
    for object_id, known in named:
        kind = known or _BY_PREFIX.get(str(object_id).partition("_")[0])
        if object_id and kind and object_id not in seen:
            seen.add(object_id)
            yield _SOURCES[kind], object_id


def _fetch(fetching: Fetching, mismatch: Mismatch, source: Source, object_id: str, found: _Fetched) -> None:
    found.asked.append(object_id)
    try:
        shown = fetching.stripe.retrieve(f"{source.path}/{object_id}")
    except Refused as error:
        if error.facts.get("http_status") != NOT_FOUND:
            raise
        found.gone.append({"table": source.table, "id": object_id})
        return
    _add(fetching, mismatch, source, shown, found)
    if source.name == "payouts" and shown.get("automatic"):
        ids: list[str] = []
        for each in fetching.stripe.each("balance_transactions", payout=object_id):
            _add(fetching, mismatch, _SOURCES["balance_transactions"], each, found)
            ids.append(each["id"])
        found.contents.append({"payout": object_id, "ids": ids or [object_id]})


def _add(fetching: Fetching, mismatch: Mismatch, source: Source, shown: Json, found: _Fetched) -> None:
    """Add the object's rows to `found`; once there are enough of them for a call, store them."""
    as_of = fetching.clock().replace(microsecond=0)
    snapshot = Snapshot(completed(fetching.stripe, shown), as_of, FETCHED, fetching.livemode)
    for table, rows in source.projection(snapshot).items():
        found.records.setdefault(table, []).extend(rows)
    if sum(len(rows) for rows in found.records.values()) >= fetching.rows_a_call:
        fetching.db.call(
            "record_part_of_mismatch_fetch", key=mismatch["key"], records=found.records, now=fetching.clock()
        )
        found.records = {}


def _record(fetching: Fetching, actor: Actor, mismatch: Mismatch, how: str, found: _Fetched) -> bool:
    now: datetime = fetching.clock()
    state = fetching.db.call(
        "record_mismatch_fetch",
        actor=actor.name,
        actor_role=actor.role,
        key=mismatch["key"],
        how=how,
        asked=found.asked,
        records=found.records,
        gone=found.gone,
        contents=found.contents,
        now=now,
    )
    return bool(state == FIXED)
