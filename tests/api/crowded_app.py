"""The API under high load: every event is recorded first and applied afterwards."""

from core.events import recorded

recorded.CROWD = recorded.COMPANY = recorded.BUSY = 0

from core.api.app import app  # noqa: E402

__all__ = ["app"]
