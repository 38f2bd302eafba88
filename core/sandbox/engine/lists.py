"""Stripe's lists: newest first, cursors, `created` ranges, filters, `has_more`; and search."""

import re
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any

import orjson

from core.sandbox.engine.errors import Json, invalid, no_such
from core.sandbox.engine.params import Params
from core.sandbox.engine.store import FOREVER, LOOKUPS, field_at
from core.sandbox.engine.unit_of_work import UnitOfWork

Keep = Callable[[Json], bool]


def moments(params: Params, name: str = "created") -> tuple[int, int]:
    """The first and last second that a timestamp filter, or its gt/gte/lt/lte, allows."""
    if isinstance(params.raw.get(name), str):
        exact = params.whole(name)
        return (0, FOREVER) if exact is None else (exact, exact)
    bounds = params.under(name)
    lows = [bounds.whole("gte"), _moved(bounds.whole("gt"), 1)]
    highs = [bounds.whole("lte"), _moved(bounds.whole("lt"), -1)]
    low = max((value for value in lows if value is not None), default=0)
    high = min((value for value in highs if value is not None), default=FOREVER)
    return low, high


def limit_of(params: Params) -> int:
    limit = params.whole("limit")
    if limit is None:
        return 10
    if not 1 <= limit <= 100:
        raise invalid(f"This value must be between 1 and 100 (it is currently {limit}).", "limit")
    return limit


def envelope(url: str, items: list[Json], has_more: bool) -> Json:
    return {"object": "list", "url": url, "has_more": has_more, "data": items}


def list_objects(
    uow: UnitOfWork, object_type: str, url: str, params: Params, filters: Iterable[str] = (), keep: Keep | None = None
) -> Json:
    """A page of `object_type`; `filters` are parameters that must equal the field of their name."""
    wanted = {name: value for name in filters if (value := params.text(name)) is not None}
    column, value = _column(object_type, wanted)
    if object_type == "balance_transaction":
        wanted.pop("payout", None)  # Stripe knows it but shows it in no field: only the column has it
    low, high = moments(params)
    cursor, newest_first = _cursor(uow, object_type, params)
    found = uow.store.bodies(
        object_type, column=column, value=value, low=low, high=high, after=cursor, newest_first=newest_first
    )
    return page(url, (obj for obj in found if _matches(obj, wanted) and (keep is None or keep(obj))), params)


def in_range(field: str, params: Params) -> Keep:
    """Keeps the objects whose moment `field` is within the range that was asked for under its name."""
    low, high = moments(params, field)

    def keep(obj: Json) -> bool:
        value = obj[field]
        return value is not None and low <= value <= high

    return keep


def page_of(url: str, items: list[Json], params: Params) -> Json:
    """A page of a short list that is already loaded, in its own order."""
    after, before = params.text("starting_after"), params.text("ending_before")
    if after and before:
        raise invalid("You may only specify one of these parameters: starting_after, ending_before.")
    limit, ids = limit_of(params), [item["id"] for item in items]
    at = after or before
    if at is not None and at not in ids:
        raise no_such("object", at, "starting_after" if after else "ending_before")
    if before is not None:
        above = items[: ids.index(before)]
        return {**envelope(url, above[-limit:], len(above) > limit), "total_count": len(items)}
    below = items[ids.index(after) + 1 :] if after else items
    return {**envelope(url, below[:limit], len(below) > limit), "total_count": len(items)}


def page(url: str, found: Iterable[Json], params: Params) -> Json:
    """Reads one more than the limit to set `has_more`; `ending_before` reverses the order."""
    limit = limit_of(params)
    taken = list(islice(found, limit + 1))
    items = taken[:limit]
    if params.text("ending_before"):
        items.reverse()
    return envelope(url, items, len(taken) > limit)


def _cursor(uow: UnitOfWork, object_type: str, params: Params) -> tuple[tuple[int, int] | None, bool]:
    after, before = params.text("starting_after"), params.text("ending_before")
    if after and before:
        raise invalid("You may only specify one of these parameters: starting_after, ending_before.")
    at = after or before
    if at is None:
        return None, True
    position = uow.store.one("get_position", id=at)
    if position is None:
        raise no_such(object_type, at, "starting_after" if after else "ending_before")
    return (position[0], position[1]), bool(after)


def _column(object_type: str, wanted: Mapping[str, str]) -> tuple[str, str | None]:
    lookups = LOOKUPS.get(object_type, {})
    for column in ("parent", "sibling"):
        name = lookups.get(column, "").rsplit(".", 1)[-1]
        if name in wanted:
            return column, wanted[name]
    if "customer" in wanted:
        return "customer", wanted["customer"]
    return "all", None


def _matches(obj: Json, wanted: Mapping[str, str]) -> bool:
    lookups = {path.rsplit(".", 1)[-1]: path for path in LOOKUPS.get(obj["object"], {}).values()}
    return all(_as_text(field_at(obj, lookups.get(name, name))) == value for name, value in wanted.items())


def _as_text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)


def _moved(value: int | None, by: int) -> int | None:
    return None if value is None else value + by


CLAUSE = re.compile(
    r"""\s*(?P<not>-)?(?P<field>\w+)(?:\[["'](?P<key>[^"']+)["']\])?\s*(?P<op>>=|<=|[:~<>])\s*"""
    r"""(?P<value>"[^"]*"|'[^']*'|[\w.-]+)\s*(?P<join>AND|OR|and|or|$)?"""
)
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
}


def search_objects(uow: UnitOfWork, object_type: str, url: str, params: Params) -> Json:
    """Stripe's search language as far as `field:'value'`, `~`, comparisons, `-`, and one of AND / OR."""
    clauses, any_of = _parsed(params.must_text("query"))
    limit, start = limit_of(params), params.whole("page") or 0
    joined = any if any_of else all
    hits = (obj for obj in _candidates(uow, object_type, clauses, any_of) if joined(_holds(obj, c) for c in clauses))
    taken = list(islice(hits, start, start + limit + 1))
    more = len(taken) > limit
    next_page = str(start + limit) if more else None
    return {"object": "search_result", "url": url, "has_more": more, "data": taken[:limit], "next_page": next_page}


def _parsed(query: str) -> tuple[list[dict[str, str]], bool]:
    clauses, joins, at = [], set(), 0
    while at < len(query.rstrip()):
        found = CLAUSE.match(query, at)
        if found is None:
            raise invalid("We were unable to parse your search query.", "query")
        parts = found.groupdict()
        clauses.append({**parts, "value": parts["value"].strip("\"'")})
        joins.add((parts["join"] or "").upper())
        at = found.end()
    if {"AND", "OR"} <= joins or not clauses:
        raise invalid("You may not mix AND and OR in one search query.", "query")
    return clauses, "OR" in joins


def _candidates(uow: UnitOfWork, object_type: str, clauses: list[dict[str, str]], any_of: bool) -> Iterable[Json]:
    exact = [c["value"] for c in clauses if c["op"] == ":" and not c["not"] and c["value"].isascii()]
    if exact and not any_of:
        part = max(exact, key=len).encode()
        return (orjson.loads(row[0]) for row in uow.store.rows("containing", type=object_type, part=part))
    return uow.store.bodies(object_type)


def _holds(obj: Json, clause: dict[str, str]) -> bool:
    value = obj.get(clause["field"])
    if clause["key"] is not None:
        value = value.get(clause["key"]) if isinstance(value, dict) else None
    if clause["op"] in COMPARE:
        held = isinstance(value, int) and COMPARE[clause["op"]](value, int(clause["value"]))
    elif clause["op"] == "~":
        held = value is not None and clause["value"].lower() in str(value).lower()
    else:
        held = (_as_text(value) or "").lower() == clause["value"].lower()
    return held != bool(clause["not"])
