"""The days on which banks move money, by the Federal Reserve's calendar. A holiday on a Sunday closes the Monday after
it; for a holiday on a Saturday, banks stay open on the Friday before.
"""

from datetime import date, timedelta
from functools import lru_cache

import holidays

SATURDAY = 5
FIRST_YEAR, LAST_YEAR = 2010, 2040  # the years that SQL has holidays for; see `bank_holidays_document`


@lru_cache(maxsize=64)
def holidays_of(year: int) -> frozenset[date]:
    """The Federal Reserve's holidays of the year, including those on a Saturday."""
    return frozenset(holidays.financial_holidays("FED", years=year))


def is_bank_day(day: date) -> bool:
    """Whether banks settle payments on this day."""
    return day.weekday() < SATURDAY and day not in holidays_of(day.year)


def next_bank_day(day: date) -> date:
    """The first bank day on or after this day."""
    while not is_bank_day(day):
        day += timedelta(days=1)
    return day


def add_bank_days(day: date, count: int) -> date:
    """The bank day `count` bank days after this day, or before it where `count` is negative."""
    step = timedelta(days=1 if count > 0 else -1)
    for _ in range(abs(count)):
        day += step
        while not is_bank_day(day):
            day += step
    return day


def bank_days_between(earlier: date, later: date) -> int:
    """How many bank days are after `earlier`, up to and including `later`; negative if `later` comes first."""
    if later < earlier:
        return -bank_days_between(later, earlier)
    return sum(is_bank_day(earlier + timedelta(days=n)) for n in range(1, (later - earlier).days + 1))


def expected_arrival(arrival_date: date) -> date:
    """When a payout should be at the bank: on Stripe's `arrival_date`, or the next bank day."""
    return next_bank_day(arrival_date)


def days_late(arrival_date: date, booked_on: date) -> int:
    """How many bank days after its expected arrival a deposit was booked; 0 where it was on time or early."""
    return max(bank_days_between(expected_arrival(arrival_date), booked_on), 0)
