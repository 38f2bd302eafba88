"""The three kinds of error that may reach an edge: refused, unavailable, unauthorised."""

from collections.abc import Mapping
from typing import Any


class PayopsError(Exception):
    """An error with a stable `code`, a sentence a person can act on, and optional named facts."""

    default_code = "error"

    def __init__(self, code: str | None = None, detail: str = "", *, facts: Mapping[str, Any] | None = None):
        self.code = code or self.default_code
        self.detail = detail or self.code.replace("_", " ")
        self.facts: dict[str, Any] = dict(facts or {})
        super().__init__(f"{self.code}: {self.detail}")


class Refused(PayopsError):
    """The request itself cannot be done; asking again without a change gives the same answer."""

    default_code = "refused"


class Unavailable(PayopsError):
    """Something we depend on did not answer; the same call is safe to repeat after `retry_after_seconds`."""

    default_code = "unavailable"

    def __init__(
        self,
        code: str | None = None,
        detail: str = "",
        *,
        retry_after_seconds: int = 5,
        facts: Mapping[str, Any] | None = None,
    ):
        self.retry_after_seconds = retry_after_seconds
        super().__init__(code, detail, facts=facts)


class Unauthorised(PayopsError):
    """The caller is not known, or may not do this."""

    default_code = "not_allowed"


def not_json() -> Refused:
    """For a request whose body is not JSON."""
    return Refused("malformed_body", "The body is not JSON.")
