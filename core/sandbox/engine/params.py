"""A request's parameters, validated by Stripe's rules and refused with Stripe's messages."""

import re
from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from typing import Any

from core.sandbox.engine.errors import Json, StripeError, invalid, missing_parameter

DECIMAL = re.compile(r"-?\d{1,15}(\.\d{1,12})?", re.ASCII)


class Params:
    """Reads one level of decoded parameters; `path` is how Stripe names them in errors.

    What was read is remembered, so that a parameter that nothing reads is refused and never dropped.
    """

    def __init__(self, raw: Mapping[str, Any], path: str = "", read: set[str] | None = None) -> None:
        self.raw = raw
        self._path = path
        self._read: set[str] = set() if read is None else read

    def named(self, name: str) -> str:
        return f"{self._path}[{name}]" if self._path else name

    def but(self, **changed: Any) -> "Params":
        """The same request with these parameters replacing those that were sent."""
        self._read.update(map(self.named, changed))
        return Params({**self.raw, **changed}, self._path, self._read)

    def ignore(self, *names: str) -> None:
        """Accept these without any effect."""
        self._read.update(map(self.named, names))

    def unread(self) -> list[str]:
        """The full names of all parameters that were sent and never read."""
        return list(self._unread(self.raw, self._path))

    def _unread(self, value: Any, path: str) -> Iterator[str]:
        if path and path in self._read:
            return
        if isinstance(value, Mapping) and value:
            for name, inner in value.items():
                yield from self._unread(inner, f"{path}[{name}]" if path else name)
        elif isinstance(value, list) and value:
            for position, inner in enumerate(value):
                yield from self._unread(inner, f"{path}[{position}]")
        elif path:
            yield path

    def has(self, name: str) -> bool:
        """Whether it was sent at all; an empty value means "unset this"."""
        return name in self.raw

    def text(self, name: str, longest: int = 5000) -> str | None:
        value = self.raw.get(name)
        self._read.add(self.named(name))
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            raise invalid(f"Invalid string: {value}", self.named(name))
        if len(value) > longest:
            raise invalid(f"Invalid string: must be at most {longest} characters", self.named(name))
        return value

    def must_text(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            raise missing_parameter(self.named(name))
        return value

    def whole(self, name: str) -> int | None:
        value = self.text(name)
        if value is None:
            return None
        digits = value.removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and len(digits) < 19):
            raise invalid(f"Invalid integer: {value}", self.named(name), "parameter_invalid_integer")
        return int(value)

    def number(self, name: str) -> float | None:
        value = self.text(name)
        if value is None:
            return None
        try:
            return float(value)
        except ValueError as error:
            raise invalid(f"Invalid decimal: {value}", self.named(name)) from error

    def decimal(self, name: str) -> Decimal | None:
        """An exact decimal of at most 12 places, as Stripe takes them."""
        value = self.text(name)
        if value is None:
            return None
        if DECIMAL.fullmatch(value) is None:
            raise invalid(f"Invalid decimal: {value}", self.named(name))
        return Decimal(value)

    def moment(self, name: str) -> int | None:
        """Seconds since 1970; `now` is the caller's to read as text first."""
        return self.whole(name)

    def flag(self, name: str, default: bool = False) -> bool:
        value = self.text(name)
        if value is None:
            return default
        if value not in ("true", "false"):
            raise invalid(f"Invalid boolean: {value}", self.named(name))
        return value == "true"

    def choice(self, name: str, allowed: Collection[str], default: str | None = None) -> str | None:
        value = self.text(name)
        if value is None:
            return default
        if value not in allowed:
            listed = ", ".join(sorted(allowed))
            raise invalid(f"Invalid {name}: must be one of {listed}", self.named(name))
        return value

    def under(self, name: str) -> "Params":
        value = self.raw.get(name)
        if value is None or value == "":
            self._read.add(self.named(name))
            return Params({}, self.named(name), self._read)
        if not isinstance(value, Mapping):
            raise invalid("Invalid object", self.named(name))
        return Params(value, self.named(name), self._read)

    def each(self, name: str) -> list["Params"]:
        found = []
        for position, item in enumerate(self._listed(name)):
            path = f"{self.named(name)}[{position}]"
            if not isinstance(item, Mapping):
                raise invalid("Invalid object", path)
            found.append(Params(item, path, self._read))
        return found

    def strings(self, name: str) -> list[str]:
        self._read.add(self.named(name))
        return [str(item) for item in self._listed(name)]

    def metadata(self, current: Mapping[str, str] | None = None) -> Json:
        """`current` merged with what was sent: an empty value removes a key, an empty map removes all."""
        sent = self.raw.get("metadata")
        self._read.add(self.named("metadata"))
        if sent is None:
            return dict(current or {})
        if sent == "":
            return {}
        if not isinstance(sent, Mapping):
            raise invalid("Invalid object", self.named("metadata"))
        merged = {**(current or {}), **{str(key): str(value) for key, value in sent.items()}}
        kept = {key: value for key, value in merged.items() if value != ""}
        if len(kept) > 50 or any(len(key) > 40 or len(value) > 500 for key, value in kept.items()):
            raise StripeError(400, "Metadata has at most 50 keys, of 40 characters with values of 500.")
        return kept

    def _listed(self, name: str) -> list[Any]:
        value = self.raw.get(name)
        if value is None or value == "":
            self._read.add(self.named(name))
            return []
        if not isinstance(value, list):
            raise invalid("Invalid array", self.named(name))
        return value
