"""The second factor: codes from an authenticator app, and recovery codes for a lost phone."""

import base64
import hashlib
import hmac
from datetime import datetime

import pyotp
import segno
from cryptography.fernet import Fernet, InvalidToken

from core.errors import Refused
from core.staff import passwords

STEP_SECONDS = 30
RECOVERY_CODES = 10
ISSUER = "Payment operations"


def new_secret() -> str:
    """A new secret to share with the app, in base32, which can be typed in there."""
    return pyotp.random_base32()


def setup_address(secret: str, name: str) -> str:
    """The `otpauth:` URL from which an authenticator app reads the secret."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=ISSUER)


def setup_picture(secret: str, name: str) -> str:
    """The `otpauth:` URL as a QR code: a `data:` URL of an SVG, black on white."""
    return str(segno.make(setup_address(secret, name), error="m").svg_data_uri(scale=5, border=3, light="white"))


def matched_step(secret: str, code: str, now: datetime) -> int | None:
    """The time step whose code this is: that of `now`, or of 30 s before or after; None if the code matches none."""
    totp, step = pyotp.TOTP(secret), int(now.timestamp()) // STEP_SECONDS
    digits = "".join(code.split())
    if not (digits.isascii() and digits.isdecimal()):
        return None
    matching = [near for near in (step - 1, step, step + 1) if hmac.compare_digest(totp.generate_otp(near), digits)]
    return matching[-1] if matching else None


def recovery_codes() -> list[str]:
    """New codes of about 90 bits; each works once in place of the app's code."""
    return [passwords.made_up() for _ in range(RECOVERY_CODES)]


def recovery_hash(code: str) -> str:
    """The stored hash of a recovery code; it needs no salt, since 90 bits cannot be guessed."""
    return hashlib.sha256(code.strip().encode()).hexdigest()


def sealed(secret: str, key: bytes) -> str:
    """`secret` encrypted with `key`, as the database stores it."""
    return _box(key).encrypt(secret.encode()).decode()


def unsealed(stored: str, key: bytes) -> str:
    """The secret that `sealed` encrypted; raises `Refused` if it was encrypted with another key."""
    try:
        return _box(key).decrypt(stored.encode()).decode()
    except InvalidToken as error:
        raise Refused(
            "second_factor_unreadable",
            "Codes cannot be checked because COOKIE_KEY was changed. Use a recovery code, or ask an admin to reset "
            "your second factor.",
        ) from error


def _box(key: bytes) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(hmac.digest(key, b"second factor", "sha256")))
