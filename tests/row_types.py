"""Whether a row from the database is what its TypedDict says: mypy believes the type, and nothing else checks it."""

from types import NoneType, UnionType
from typing import Any, Literal, NotRequired, Required, Union, get_args, get_origin, get_type_hints, is_typeddict


def problems(value: object, kind: Any, at: str = "row") -> list[str]:
    """Each place where `value` is not of type `kind`; columns beyond those that the type names are no problem."""
    if kind is Any:
        return []
    if is_typeddict(kind):
        return _problems_of_row(value, kind, at)
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (NotRequired, Required):
        return problems(value, parts[0], at)
    if origin in (Union, UnionType):
        tried = [problems(value, each, at) for each in parts]
        return min((each for each in tried), key=len) if all(tried) else []
    if origin is Literal:
        return [] if value in parts else [f"{at}: {value!r} is none of {parts}"]
    if origin is list:
        if not isinstance(value, list):
            return [f"{at}: {value!r} is not a list"]
        return [found for n, each in enumerate(value) for found in problems(each, parts[0], f"{at}[{n}]")]
    if origin is dict:
        if not isinstance(value, dict):
            return [f"{at}: {value!r} is not a mapping"]
        return [found for name, each in value.items() for found in problems(each, parts[1], f"{at}.{name}")]
    wanted = NoneType if kind is None else kind
    fits = isinstance(value, int | float) if wanted is float else isinstance(value, wanted)
    fits = fits and (wanted is bool or not isinstance(value, bool))
    return [] if fits else [f"{at}: {value!r} is not {kind}"]


def _problems_of_row(value: object, kind: Any, at: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{at}: {value!r} is not a row"]
    hints = get_type_hints(kind)
    missing = [f"{at}: there is no {name}" for name in sorted(kind.__required_keys__ - set(value))]
    return missing + [
        found for name, each in hints.items() if name in value for found in problems(value[name], each, f"{at}.{name}")
    ]
