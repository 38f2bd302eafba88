"""The second factor: codes of an app on somebody's phone, and recovery codes for the day it is lost."""

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
    """A secret to share with the app, as it is typed in there."""
    return pyotp.random_base32()


def setup_address(secret: str, name: str) -> str:
    """The `otpauth:` address that an authenticator app reads the secret from."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=ISSUER)


def setup_picture(secret: str, name: str) -> str:
    """The same address as a picture for the phone's camera: a `data:` address of an SVG, black on white."""
    return str(segno.make(setup_address(secret, name), error="m").svg_data_uri(scale=5, border=3, light="white"))


def matched_step(secret: str, code: str, now: datetime) -> int | None:
    """The step of time whose code this is: the one of `now`, or of 30 s before or after it."""
    totp, step = pyotp.TOTP(secret), int(now.timestamp()) // STEP_SECONDS
    digits = "".join(code.split())
    if not (digits.isascii() and digits.isdecimal()):
        return None
    matching = [near for near in (step - 1, step, step + 1) if hmac.compare_digest(totp.generate_otp(near), digits)]
    return matching[-1] if matching else None


def recovery_codes() -> list[str]:
    """New codes of about 90 bits, each good once in place of the app's."""
    return [passwords.made_up() for _ in range(RECOVERY_CODES)]


def recovery_hash(code: str) -> str:
    """What is stored of a recovery code; it needs no salt, since nobody guesses 90 bits."""
    return hashlib.sha256(code.strip().encode()).hexdigest()


def sealed(secret: str, key: bytes) -> str:
    """`secret` as the database keeps it: of no use without `key`."""
    return _box(key).encrypt(secret.encode()).decode()


def unsealed(kept: str, key: bytes) -> str:
    """Raises `Refused` where it was sealed with another key."""
    try:
        return _box(key).decrypt(kept.encode()).decode()
    except InvalidToken as error:
        raise Refused(
            "second_factor_unreadable",
            "Codes cannot be checked since COOKIE_KEY was changed. Use a recovery code, or ask an admin to reset "
            "your second factor.",
        ) from error


def _box(key: bytes) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(hmac.digest(key, b"second factor", "sha256")))
