"""Faults on request: what the next matching calls will suffer."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from core.sandbox.engine.errors import StripeError


@dataclass(frozen=True)
class Fault:
    """Strikes `count` requests whose method and path fit; several effects may be combined."""

    id: str
    method: str = ""  # empty: every method
    path: str = "/v1/"
    count: int = 1
    status: int | None = None  # 429, or 5xx, instead of doing the work
    after_work: bool = False  # with a 5xx status: the work is done, the answer is the error all the same
    delay_seconds: float = 0.0  # before the work
    delay_reply_seconds: float = 0.0  # once the work is done
    reset: bool = False  # the connection is cut before anything is done
    lose_reply: bool = False  # the connection is cut once the work is done

    def fits(self, method: str, path: str) -> bool:
        return path.startswith(self.path) and self.method in ("", method)

    def error(self) -> StripeError | None:
        """What to answer instead; `None` where this fault lets the work be answered."""
        if self.status is None:
            return None
        if self.status == 429:
            return StripeError(
                429,
                "Request rate limit exceeded. You can learn more about rate limits here "
                "https://docs.stripe.com/rate-limits.",
                code="rate_limit",
            )
        return StripeError(self.status, "An unknown error occurred", kind="api_error")


class Faults:
    """The faults in wait; in memory only, since they belong to one test."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._minted = 0

    def add(self, asked: Mapping[str, Any]) -> Fault:
        """Raises `TypeError` or `ValueError` for a field that does not fit."""
        self._minted += 1
        fault = Fault(id=f"fault_{self._minted}", **asked)
        if fault.status is not None and fault.status != 429 and not 500 <= fault.status <= 599:
            raise ValueError("status is 429 or a 5xx")
        if fault.count < 1 or min(fault.delay_seconds, fault.delay_reply_seconds) < 0:
            raise ValueError("count is at least 1 and a delay at least 0")
        self._waiting.append(fault)
        return fault

    def clear(self) -> None:
        self._waiting.clear()

    def all(self) -> list[Fault]:
        return list(self._waiting)

    def take(self, method: str, path: str) -> Fault | None:
        """The first fault that fits, used once."""
        for position, fault in enumerate(self._waiting):
            if fault.fits(method, path):
                if fault.count > 1:
                    self._waiting[position] = replace(fault, count=fault.count - 1)
                else:
                    del self._waiting[position]
                return fault
        return None
