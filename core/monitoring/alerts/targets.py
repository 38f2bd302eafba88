"""The targets of ALERT_URLS: each known by a fingerprint, as its address may hold a password; notified by itself."""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from apprise import Apprise, AppriseAttachment, NotifyFormat, NotifyType
from pydantic import SecretStr

_EMAIL, _RECIPIENTS, _TO = ("mailto", "mailtos"), ("to", "cc", "bcc"), " to "
_TYPES = {"warning": NotifyType.WARNING, "error": NotifyType.FAILURE, "critical": NotifyType.FAILURE}


@dataclass(frozen=True)
class Target:
    """One address; `number` is its place in ALERT_URLS, from 1 on."""

    number: int
    url: SecretStr

    @cached_property
    def fingerprint(self) -> str:
        return hashlib.sha256(b"payops alert target " + self.url.get_secret_value().encode()).hexdigest()[:12]

    @cached_property
    def name(self) -> str:
        """What staff call it: the service and where it is, without any password or token."""
        service = Apprise.instantiate(self.url.get_secret_value())
        kind = str(getattr(service, "service_name", "") or "target")
        host = getattr(service, "host", None)
        return f"{self.number}: {kind}" + (f" at {host}" if isinstance(host, str) and "." in host else "")

    @property
    def sends_email(self) -> bool:
        return self.url.get_secret_value().partition(":")[0].lower() in _EMAIL

    def to_alone(self, email: str) -> "Target":
        """The same mail server, with this recipient alone."""
        parts = urlsplit(self.url.get_secret_value())
        others = [(name, value) for name, value in parse_qsl(parts.query) if name.lower() not in _RECIPIENTS]
        query = urlencode([*others, ("to", email)])
        return Target(self.number, SecretStr(urlunsplit((parts.scheme, parts.netloc, "", query, ""))))

    def tell(self, title: str, body: str, *, kind: str, severity: str, attached: Sequence[Path] = ()) -> str | None:
        """Send one message; returns None once the target has accepted it, else a sentence saying what went wrong.

        A service that takes no files gets the message alone.
        """
        quiet = logging.getLogger("apprise")  # it would write targets' addresses and answers to the log
        quiet.setLevel(logging.CRITICAL)
        service = Apprise.instantiate(self.url.get_secret_value())
        if service is None:
            return "Apprise no longer knows this address."
        files = AppriseAttachment([str(path) for path in attached]) if attached and service.attachment_support else None
        # One object per target: for several together Apprise only says that not all succeeded.
        took = service.notify(
            title=title, body=body, notify_type=_type(kind, severity), body_format=NotifyFormat.TEXT, attach=files
        )
        return None if took is True else "The target did not take the message."


def _type(kind: str, severity: str) -> NotifyType:
    """The colour and icon that a service gives the message."""
    if kind == "resolved":
        return NotifyType.SUCCESS
    return NotifyType.INFO if kind in ("test", "review", "mail") else _TYPES[severity]


def addressed(fingerprint: str, email: str) -> str:
    """The name of a delivery through the target with this fingerprint that goes to this e-mail address alone."""
    return f"{fingerprint}{_TO}{email}"


def named(delivery: str, targets: Sequence[Target]) -> Target | None:
    """The target of a delivery; for an addressed one, the same mail server with this recipient in place of its own."""
    fingerprint, _, email = delivery.partition(_TO)
    found = next((target for target in targets if target.fingerprint == fingerprint), None)
    return found.to_alone(email) if found and email else found


def targets_of(urls: Sequence[SecretStr]) -> list[Target]:
    """The targets, each address once: two equal addresses are one target."""
    found: dict[str, Target] = {}
    for number, url in enumerate(urls, 1):
        target = Target(number, url)
        found.setdefault(target.fingerprint, target)
    return list(found.values())
