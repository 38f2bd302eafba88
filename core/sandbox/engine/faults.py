"""Injected faults for the next matching requests."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from core.sandbox.engine.errors import StripeError


@dataclass(frozen=True)
class Fault:
    """Affects the next `count` requests with this method and path; effects can be combined."""

    id: str
    method: str = ""  # empty: every method
    path: str = "/v1/"
    count: int = 1
    status: int | None = None  # 429, or 5xx, instead of doing the work
    after_work: bool = False  # with a 5xx status: the work is done, and the answer is the error nevertheless
    delay_seconds: float = 0.0  # before the work
    delay_reply_seconds: float = 0.0  # once the work is done
    reset: bool = False  # the connection is cut before anything is done
    lose_reply: bool = False  # the connection is cut once the work is done

    def fits(self, method: str, path: str) -> bool:
        return path.startswith(self.path) and self.method in ("", method)

    def error(self) -> StripeError | None:
        """The error to answer with; `None` if the normal answer is sent."""
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
    """The pending faults, in memory only."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._minted = 0

    def add(self, asked: Mapping[str, Any]) -> Fault:
        """Raises `TypeError` or `ValueError` for an invalid field."""
        self._minted += 1
        fault = Fault(id=f"fault_{self._minted}", **asked)
        if fault.status is not None and fault.status != 429 and not 500 <= fault.status <= 599:
            raise ValueError("status must be 429 or 5xx")
        if fault.count < 1 or min(fault.delay_seconds, fault.delay_reply_seconds) < 0:
            raise ValueError("count must be at least 1 and delays at least 0")
        self._waiting.append(fault)
        return fault

    def clear(self) -> None:
        self._waiting.clear()

    def all(self) -> list[Fault]:
        return list(self._waiting)

    def take(self, method: str, path: str) -> Fault | None:
        """The first matching fault, counted down by one."""
        for position, fault in enumerate(self._waiting):
            if fault.fits(method, path):
                if fault.count > 1:
                    self._waiting[position] = replace(fault, count=fault.count - 1)
                else:
                    del self._waiting[position]
                return fault
        return None
