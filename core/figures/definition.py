"""What a figure is: its name, its title, its unit, what it means, how it is counted, and which way is better."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Better(StrEnum):
    MORE = "more"
    LESS = "less"
    NEITHER = "neither"


class Unit(StrEnum):
    """What a figure counts in, which decides its shape in `payops metrics --json` and how it is written."""

    RATE = "rate"
    RATE_BY_AMOUNT = "rate by amount"  # of money, which has no number of observations and so no interval
    MONEY = "money"
    COUNT = "count"
    TIME = "time"
    BREAKDOWN = "breakdown"


@dataclass(frozen=True)
class Definition:
    """`meaning` is for the person who asks what is counted; `page`, as
    set by `view`, is the address where its rows are.

    `formula` is the same in short, `source` what it is counted from, `sql` the function that counts it, and `example` a
    case worked out by hand. A figure `as_of_now` is the same whatever the
    period, so there is nothing to compare it with. One is `exact` if its page, set by `view`, lists exactly what it
    counts; the page of any other figure is only about the same thing.
    """

    name: str
    title: str
    better: Better
    meaning: str
    page: str
    nothing: str = "no payments"
    counted: str = "payments"
    as_of_now: bool = False
    view: Mapping[str, str] = field(default_factory=dict)
    unit: Unit = Unit.COUNT
    formula: str = ""
    source: str = ""
    sql: str = ""
    example: str = ""
    exact: bool = False
    amount_is: str = ""  # what the amount beside a count is, after it: `a month`

    @property
    def is_rate(self) -> bool:
        return self.unit in (Unit.RATE, Unit.RATE_BY_AMOUNT)
