"""`expand[]`: replaces ids in an answer by their objects."""

from collections.abc import Callable, Mapping
from typing import Any

from core.sandbox.engine.errors import Json, invalid
from core.sandbox.engine.unit_of_work import UnitOfWork

MAX_DEPTH = 4
# Fields that only exist in an answer when they are asked for, by object and field.
Virtual = Callable[[UnitOfWork, Json], Any]


def expanded(uow: UnitOfWork, answer: Json, paths: list[str], virtual: Mapping[tuple[str, str], Virtual]) -> Json:
    """A copy of `answer` with each path of `paths` expanded; raises Stripe's error for an unknown one."""
    for path in paths:
        steps = path.split(".")
        if len(steps) > MAX_DEPTH + 1:
            raise invalid(f"You cannot expand more than {MAX_DEPTH} levels of a property: {path}", "expand")
        answer = _filled(uow, answer, steps, path, virtual)
    return answer


def _filled(uow: UnitOfWork, node: Any, steps: list[str], path: str, virtual: Mapping[tuple[str, str], Virtual]) -> Any:
    if not steps or node is None:
        return node
    if isinstance(node, list):
        return [_filled(uow, item, steps, path, virtual) for item in node]
    name, rest = steps[0], steps[1:]
    if not isinstance(node, dict):
        raise invalid(f"This property cannot be expanded ({path}).", "expand")
    if name not in node and (node.get("object"), name) not in virtual:
        raise invalid(f"This property cannot be expanded ({path}).", "expand")
    value = _resolved(uow, node, name, virtual)
    return {**node, name: _filled(uow, value, rest, path, virtual)}


def _resolved(uow: UnitOfWork, node: Json, name: str, virtual: Mapping[tuple[str, str], Virtual]) -> Any:
    made = virtual.get((str(node.get("object")), name))
    if made is not None and node.get(name) is None:
        return made(uow, node)
    value = node.get(name)
    if isinstance(value, str):
        return uow.find(value) or value
    if isinstance(value, list):
        return [(uow.find(item) or item) if isinstance(item, str) else item for item in value]
    return value
