"""Passwords: which ones are accepted, hashing, and comparing."""

import re
import secrets
from collections.abc import Set
from functools import cache
from importlib.resources import files

import bcrypt

from core.errors import Refused

MIN_BYTES = 12
MAX_BYTES = 72  # bcrypt ignores the rest
BCRYPT_ROUNDS = 12
_ALPHABET = "abcdefghjkmnpqrstuvwxyzACDEFGHJKLMNPQRTUVWXYZ234679"  # without characters that look alike
_SEPARATORS = re.compile(r"[\s._,;:/\\|+~-]+")
_REPEATED = re.compile(r"(.+?)\1+", re.DOTALL)
# Digits and signs that people use in place of similar letters.
_READINGS = [str.maketrans("@40315$7!", f"aaoe{one}ssti") for one in ("i", "l")]
_WITHOUT_SHIFT = str.maketrans("!@#$%^&*()", "1234567890")
# Neighbouring keys, and sequences of letters and digits.
_ROWS = (
    "01234567890",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiop[]",
    "asdfghjkl;'#",
    "zxcvbnm,./",
    "qwertzuiop",
    "azertyuiop",
    "1qaz",
    "2wsx",
    "3edc",
    "4rfv",
    "5tgb",
    "6yhn",
    "7ujm",
    "1q2w3e4r5t6y7u8i9o0p",
    "q1w2e3r4t5y6",
)
_LONGEST_PIECE = 20
FEWEST_PIECES = 5
# Used for the comparison when no user has the name, so that the answer takes equally long.
NOBODYS_HASH = b"$2b$12$otXW.vr0lR/vW30igmoVrO6HGt8.MHDtlY16Tf5ECKw/WtclLtVcm"


def require_good(password: str, *, name: str) -> None:
    """Raise `Refused`, saying what is wrong, unless `password` is good enough for the user `name`."""
    length_bytes = len(password.encode())
    if not MIN_BYTES <= length_bytes <= MAX_BYTES or "\0" in password:
        raise Refused("bad_password", f"Use {MIN_BYTES} to {MAX_BYTES} characters.")
    lowered = password.lower()
    if len(set(lowered)) < 5:
        raise Refused("bad_password", "Use at least five different characters.")
    if (once := _once(lowered)) != lowered and len(once.encode()) < MIN_BYTES:
        raise Refused("bad_password", "Repeating a short text does not make it harder to guess. Use a longer one.")
    if _pieces(_SEPARATORS.sub("", lowered), _common() | {name.lower()}) < FEWEST_PIECES:
        raise Refused("bad_password", "This password is easy to guess. Use several unrelated words.")


def hashed(password: str) -> str:
    """The bcrypt hash of `password`, to be stored."""
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(BCRYPT_ROUNDS)).decode()


def matches(password: str, password_hash: str | None) -> bool:
    """Whether `password` matches the hash; without a hash it takes equally long and is False."""
    given = password.encode()
    comparable = given if 0 < len(given) <= MAX_BYTES and b"\0" not in given else b"-"
    same = bcrypt.checkpw(comparable, password_hash.encode() if password_hash else NOBODYS_HASH)
    return same and comparable is given and password_hash is not None


def made_up() -> str:
    """A new password of about 90 bits, in groups that can be read aloud."""
    groups = ("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(4))
    return "-".join(groups)


def _once(text: str) -> str:
    """The part whose repetition makes up `text`; `text` itself if it is no repetition."""
    repeated = _REPEATED.fullmatch(text)
    return repeated[1] if repeated else text


def _pieces(text: str, words: Set[str]) -> int:
    """The fewest pieces that make up `text`: common words, runs of keys or digits, and single characters."""
    fewest = [0]
    for end in range(1, len(text) + 1):
        starts = range(max(0, end - _LONGEST_PIECE), end - 1)
        whole = (fewest[start] for start in starts if _is_one_piece(text[start:end], words))
        fewest.append(1 + min(whole, default=fewest[end - 1]))
        fewest[end] = min(fewest[end], fewest[end - 1] + 1)
    return fewest[-1]


def _is_one_piece(part: str, words: Set[str]) -> bool:
    if part in words or any(part.translate(reading) in words for reading in _READINGS):
        return True
    keys = part.translate(_WITHOUT_SHIFT)
    in_a_row = len(part) >= 3 and any(keys in row or keys in row[::-1] for row in _ROWS)
    return in_a_row or len(set(part)) == 1 or part.isdecimal() and len(part) <= 4


@cache
def _common() -> frozenset[str]:
    listed = files("core.staff").joinpath("common_passwords.txt").read_text(encoding="utf-8")
    return frozenset(listed.split())
