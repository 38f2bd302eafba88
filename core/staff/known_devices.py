"""Known devices: a signed cookie shows that a browser signed in as this user before."""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

VALID_FOR = timedelta(days=365)
_PURPOSE = b"known device"


def cookie_name(user: str) -> str:
    """The name of the device cookie for `user`; each of several users of one browser has their own cookie."""
    return f"payops_device_{hashlib.sha256(user.encode()).hexdigest()[:12]}"


def token_for(user: str, key: bytes, now: datetime) -> str:
    """A signed cookie value which shows that this browser signed in as `user`."""
    body = f"{secrets.token_urlsafe(12)}.{int(now.timestamp())}"
    return f"{body}.{_signature(user, body, key)}"


def device_id(token: str | None, user: str, key: bytes, now: datetime) -> str | None:
    """The id of the device that `token` was made for; None if the token is another user's, forged or expired."""
    parts = (token or "").split(".")
    if len(parts) != 3 or not all(part.isascii() for part in parts) or not parts[1].isdecimal() or len(parts[1]) > 12:
        return None
    if not hmac.compare_digest(parts[2], _signature(user, f"{parts[0]}.{parts[1]}", key)):
        return None
    return parts[0] if int(parts[1]) > (now - VALID_FOR).timestamp() else None


def _signature(user: str, body: str, key: bytes) -> str:
    signing_key = hmac.digest(key, _PURPOSE, "sha256")
    return hmac.new(signing_key, f"{user}\n{body}".encode(), hashlib.sha256).hexdigest()
