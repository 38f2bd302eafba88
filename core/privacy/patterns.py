"""Patterns that reveal something about a patient: clinical words, diagnosis codes, birth dates and contact data."""

import re
import unicodedata
from collections.abc import Collection, Iterator
from datetime import date, timedelta
from enum import StrEnum

from core.identifiers import private_kind


class Kind(StrEnum):
    CLINICAL_WORD = "a clinical word"
    DIAGNOSIS_CODE = "a diagnosis code"
    BIRTH_DATE = "a date of birth"
    EMAIL = "an e-mail address"
    PHONE = "a phone number"
    CARD = "a card number"


# ICD-10-CM: a letter, a digit, a digit or A or B, and after a point up to four more. Without the point it could be
# any short code, so then a word before it has to say that it is a diagnosis.
_CODE = re.compile(r"(?<![\w.])[A-Z][0-9][0-9AB]\.[0-9A-Z]{1,4}(?![\w])", re.IGNORECASE)
_NAMED_CODE = re.compile(
    r"\b(?:icd(?:[- ]?10(?:[- ]?cm)?)?|dx|diagnos[ei]s|diag)\b[^\w]{0,3}(?:code[^\w]{0,3})?[A-Z][0-9][0-9AB]"
    r"(?:\.?[0-9A-Z]{1,4})?(?!\w)",
    re.IGNORECASE,
)
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_DATES = (
    re.compile(r"(?<!\d)(?P<year>(?:19|20)\d\d)[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})(?!\d)"),
    re.compile(r"(?<!\d)(?P<month>\d{1,2})[-/.](?P<day>\d{1,2})[-/.](?P<year>(?:19|20)\d\d)(?!\d)"),
    re.compile(r"(?<![\d/])(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d\d)(?![\d/])"),
    re.compile(rf"\b(?P<name>{_MONTH})[ ]?(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?[ ](?P<year>(?:19|20)\d\d)\b", re.I),
    re.compile(rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th)?[ .-]+(?P<name>{_MONTH})[ .,-]+(?P<year>(?:19|20)\d\d)\b", re.I),
)
_BORN = re.compile(
    r"\b(?:born|birth ?(?:date|day)|date of birth|d\.?o\.?b)\b\.?[^\w]{0,3}(?:on |is |was )?[^\n]{0,12}\d",
    re.IGNORECASE,
)
# No payment and no service of ours is this old; whoever was born since then is no patient who pays.
RECENT = timedelta(days=10 * 365)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WORD = re.compile(r"[a-z0-9]+")
_KINDS = {"an e-mail address": Kind.EMAIL, "a phone number": Kind.PHONE, "a card number": Kind.CARD}
LONGEST_PHRASE = 4


def kinds_in(text: str, words: Collection[str], today: date) -> set[Kind]:
    """The kinds of private information in this text; `words` are clinical words as `normal` returns them."""
    found = set(_personal(text, today))
    if _has_word(text, words):
        found.add(Kind.CLINICAL_WORD)
    return found


def normal(phrase: str) -> str:
    """A word or phrase as it is compared: lower case, no accents, one space between words."""
    composed = unicodedata.normalize("NFKD", phrase).casefold()
    plain = "".join(sign for sign in composed if not unicodedata.combining(sign))
    return " ".join(_WORD.findall(plain))


def _personal(text: str, today: date) -> Iterator[Kind]:
    plain = unicodedata.normalize("NFKC", text)
    if _CODE.search(plain) or _NAMED_CODE.search(plain):
        yield Kind.DIAGNOSIS_CODE
    if _BORN.search(plain) or any(day < today - RECENT for day in _dates(plain, today)):
        yield Kind.BIRTH_DATE
    if kind := private_kind(text):
        yield _KINDS[kind]


def _dates(text: str, today: date) -> Iterator[date]:
    for pattern in _DATES:
        for found in pattern.finditer(text):
            parts = found.groupdict()
            month = _MONTHS.index(parts["name"][:3].lower()) + 1 if "name" in parts else int(parts["month"])
            day, year = int(parts["day"]), _full_year(parts["year"], today)
            for first, second in ((month, day), (day, month)):  # 31/12/1980 as well as 12/31/1980
                try:
                    yield date(year, first, second)
                except ValueError:
                    continue


def _full_year(written: str, today: date) -> int:
    """The year; of one with two digits the last that is not yet over."""
    year = int(written)
    if len(written) > 2:
        return year
    century = today.year // 100 * 100
    return century + year if century + year <= today.year + 1 else century - 100 + year


def _has_word(text: str, words: Collection[str]) -> bool:
    """Whether a clinical word or phrase stands in the text, as itself or in the plural."""
    said = normal(text).split()
    for start in range(len(said)):
        for length in range(1, LONGEST_PHRASE + 1):
            phrase = " ".join(said[start : start + length])
            if phrase in words or (phrase.endswith("s") and phrase[:-1] in words):
                return True
    return False
