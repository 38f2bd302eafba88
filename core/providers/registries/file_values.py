"""How public provider files write dates and NPIs: each is read exactly, or refused in a sentence.

No sentence repeats a cell: in a row whose columns are shifted it may be a birth date or an address.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from core.errors import Refused
from core.figures.wording import counted
from core.providers import licences

NO_CALENDAR_DAY = "This is not a date with a year of four digits, such as 12/31/2026 or 20261231."
NO_DATE = frozenset({"", "0", "00000000", "00/00/0000", "0000-00-00"})
MOST_PROBLEMS = 1000


@dataclass(frozen=True)
class RowProblem:
    """What is wrong with one row of a file. `line` is its number in the file, where the headings are on line 1."""

    line: int
    column: str
    message: str

    def __str__(self) -> str:
        return f"line {self.line:,}, {self.column}: {self.message}"


def day(text: str) -> date | None:
    """A date as these files write it: 20261231, 12/31/2026 or 2026-12-31; None for zeros or an empty cell.

    Raises `ValueError` saying what is wrong.
    """
    text = text.strip()
    if text in NO_DATE:
        return None
    try:
        if re.fullmatch(r"[0-9]{8}", text):
            return licences.day(f"{text[:4]}-{text[4:6]}-{text[6:]}")
        return licences.typed_day(text)
    except ValueError:
        raise ValueError(NO_CALENDAR_DAY) from None


def npi(text: str) -> str | None:
    """A file's NPI; None where it has none, which some files write as zeros. Raises `ValueError` for anything else."""
    text = text.strip()
    if text.strip("0") == "":
        return None
    if wrong := licences.npi_problem(text):
        raise ValueError(wrong)
    return text


def refuse_problems(problems: Iterable[RowProblem]) -> None:
    """Raises `Refused` naming the first problems and how many there are, if there is one."""
    found = list(problems)
    if found:
        named = " ".join(str(one) for one in found[:5])
        more = f" And {len(found) - 5:,} more." if len(found) > 5 else ""
        raise Refused("bad_file", f"{counted(len(found), 'problem')}, so nothing was imported. {named}{more}")
