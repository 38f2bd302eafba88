"""Identifiers that callers choose: which ones would put private data where only an ID belongs."""

import re
import unicodedata
from urllib.parse import unquote

# Random or hashed hexadecimal digits, in which one in some hundreds holds
# what could be a card or phone number: an object id, a
# UUID with or without its hyphens, a SHA-1 and a SHA-256. Fewer than four letters are no chance.
_RANDOM = re.compile(
    r"(?<![0-9a-z])(?:[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{24}|[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})"
    r"(?![0-9a-z])",
    re.IGNORECASE,
)
MIN_LETTERS = 4
_EMAIL = re.compile(r"[^\s@/:?&=<>]+(?:@|%40)[^\s@/?&=<>]+\.[^\s@.]{2,}", re.IGNORECASE)
_DIGIT_RUN = re.compile(r"(?<![0-9])[0-9](?:[ ._/-]{0,2}[0-9]){11,18}(?![0-9])")
# As a card has it printed, whatever separates the groups: 4-4-4-4, with up to three digits more, or 4-6-5 and 4-6-4.
_GROUPS = re.compile(
    r"(?<![0-9])[0-9]{4}(?:(?:[^0-9a-z]{1,3}[0-9]{4}){3}(?:[^0-9a-z]{1,3}[0-9]{1,3})?"
    r"|[^0-9a-z]{1,3}[0-9]{6}[^0-9a-z]{1,3}[0-9]{4,5})(?![0-9])",
    re.IGNORECASE,
)
# First digits and lengths of the card networks, so that a date or a count of milliseconds is no card number.
_CARD = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}"
    r"|3(?:0[0-59]|[689]\d)\d{11,16}|6(?:011|22\d|4[4-9]\d|5\d\d)\d{12,15}|62\d{14,17}|35(?:2[89]|[3-8]\d)\d{12,15}"
    r"|(?:50|5[6-9]|6\d)\d{10,17}"
)
_PHONES = (
    re.compile(r"\+[ ]?[1-9](?:[ ().-]{0,2}[0-9]){7,14}(?![0-9])"),  # international
    # North America's, with or without the country code and separators between its parts
    re.compile(r"(?<![0-9])(?:1[ .-]?)?(?:\([2-9]\d\d\)[ .-]?|[2-9]\d\d[ .-])\d{3}[ .-]?\d{4}(?![0-9])"),
    re.compile(r"(?:tel:)?1?[2-9]\d\d[2-9]\d{6}", re.IGNORECASE),  # the whole identifier
)


def private_kind(identifier: str) -> str | None:
    """What of a person or a card this identifier looks like, with its article; None for one that may be stored.

    Written with other digits, full-width signs or invisible characters it is still recognised.
    """
    text = _RANDOM.sub(_left_of_random, _plain(identifier))
    if _EMAIL.search(text):
        return "an e-mail address"
    if has_card_number(text):
        return "a card number"
    international, north_american, bare = _PHONES
    if international.search(text) or north_american.search(text) or bare.fullmatch(text):
        return "a phone number"
    return None


def has_card_number(text: str) -> bool:
    """Whether a card number stands anywhere in this text, random hexadecimal ids apart."""
    plain = _RANDOM.sub(_left_of_random, _plain(text))
    return any(_is_card(found.group()) for found in _DIGIT_RUN.finditer(plain)) or any(
        _has_card_digits(found.group()) for found in _GROUPS.finditer(plain)
    )


def private_problem(identifier: str) -> str | None:
    """Why this identifier is refused, in a sentence that does not repeat it; None for one that may be stored."""
    kind = private_kind(identifier)
    return f"This looks like {kind}. Send an ID of your own that says nothing about the person." if kind else None


def luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the others (ISO/IEC 7812-1, annex B)."""
    doubled = [int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits))]
    return sum(n - 9 if n > 9 else n for n in doubled) % 10 == 0


def _plain(text: str) -> str:
    """The text with every digit and sign in its plain form, and without characters that are not seen."""
    composed = (
        unicodedata.normalize("NFKC", unquote(text)).replace("\N{EN DASH}", "-").replace("\N{NON-BREAKING HYPHEN}", "-")
    )
    digits = (str(unicodedata.digit(sign)) if sign.isdigit() else sign for sign in composed)
    return "".join(sign for sign in digits if unicodedata.category(sign) not in ("Cf", "Cc")).strip()


def _left_of_random(found: re.Match[str]) -> str:
    letters = sum(sign.isalpha() for sign in found.group())
    return " " if letters >= MIN_LETTERS else found.group()


def _is_card(run: str) -> bool:
    """Whether these digits are a card number, whole or in groups as people write them: one separator, no lone digit."""
    separators, groups = set(re.findall(r"[^0-9]+", run)), re.findall(r"[0-9]+", run)
    if len(separators) > 1 or (separators and min(map(len, groups)) < 2):
        return False
    return _has_card_digits(run)


def _has_card_digits(text: str) -> bool:
    digits = "".join(re.findall(r"[0-9]", text))
    return bool(_CARD.fullmatch(digits)) and luhn(digits)
