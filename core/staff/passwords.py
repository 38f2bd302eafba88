"""Passwords: which are taken, and how they are stored and compared."""

import secrets
from functools import cache
from importlib.resources import files

import bcrypt

from core.errors import Refused

MIN_BYTES = 12
MAX_BYTES = 72  # bcrypt looks no further
BCRYPT_ROUNDS = 12
_ALPHABET = "abcdefghjkmnpqrstuvwxyzACDEFGHJKLMNPQRTUVWXYZ234679"  # nothing that is misread
_TAIL = "0123456789!@#$%^&*?._- "
# What a password is compared with where there is no such user: the answer then takes the same time.
_NOBODYS_HASH = b"$2b$12$otXW.vr0lR/vW30igmoVrO6HGt8.MHDtlY16Tf5ECKw/WtclLtVcm"


def require_good(password: str, *, name: str) -> None:
    """Raise `Refused` with what is wrong with `password` for the user `name`."""
    length_bytes = len(password.encode())
    if not MIN_BYTES <= length_bytes <= MAX_BYTES or "\0" in password:
        raise Refused("bad_password", f"A password has {MIN_BYTES} to {MAX_BYTES} bytes.")
    lowered = password.lower()
    stem = lowered.strip(_TAIL)
    if {lowered, stem} & _common() or name in lowered and len(stem) < len(name) + 4:
        raise Refused("bad_password", "This password is among the first ones somebody would guess.")
    if len(set(lowered)) < 5:
        raise Refused("bad_password", "A password needs at least five different characters.")


def hashed(password: str) -> str:
    """The bcrypt hash to keep of `password`."""
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(BCRYPT_ROUNDS)).decode()


def matches(password: str, password_hash: str | None) -> bool:
    """Whether `password` belongs to the hash; without a hash it takes as long and says no."""
    given = password.encode()
    comparable = given if 0 < len(given) <= MAX_BYTES and b"\0" not in given else b"-"
    same = bcrypt.checkpw(comparable, password_hash.encode() if password_hash else _NOBODYS_HASH)
    return same and comparable is given and password_hash is not None


def made_up() -> str:
    """A new password of about 90 bits, in groups that can be read aloud."""
    groups = ("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(4))
    return "-".join(groups)


@cache
def _common() -> frozenset[str]:
    listed = files("core.staff").joinpath("common_passwords.txt").read_text(encoding="utf-8")
    return frozenset(line.strip() for line in listed.splitlines() if line.strip())
