"""The Federal Reserve's calendar, against its published dates written out by hand; Python and SQL count alike."""

from datetime import date, timedelta

import pytest

from core.finance import bank_days, bank_holidays_document
from core.finance.bank_days import add_bank_days, bank_days_between, days_late, expected_arrival, is_bank_day

# New Year, King, Washington, Memorial, Juneteenth, Independence, Labor, Columbus, Veterans, Thanksgiving, Christmas:
# the day on which the banks close for it. "-" is a holiday on a Saturday, which closes no weekday.
CLOSED = {
    2021: "01-01 01-18 02-15 05-31 - 07-05 09-06 10-11 11-11 11-25 -",
    2022: "- 01-17 02-21 05-30 06-20 07-04 09-05 10-10 11-11 11-24 12-26",
    2023: "01-02 01-16 02-20 05-29 06-19 07-04 09-04 10-09 - 11-23 12-25",
    2024: "01-01 01-15 02-19 05-27 06-19 07-04 09-02 10-14 11-11 11-28 12-25",
    2025: "01-01 01-20 02-17 05-26 06-19 07-04 09-01 10-13 11-11 11-27 12-25",
    2026: "01-01 01-19 02-16 05-25 06-19 - 09-07 10-12 11-11 11-26 12-25",
    2027: "01-01 01-18 02-15 05-31 - 07-05 09-06 10-11 11-11 11-25 -",
    2028: "- 01-17 02-21 05-29 06-19 07-04 09-04 10-09 - 11-23 12-25",
}


@pytest.mark.parametrize("year", CLOSED)
def test_banks_are_closed_on_exactly_the_published_weekdays(year):
    published = CLOSED[year].split()
    assert len(published) == 11
    first, days = date(year, 1, 1), 366 if year in (2024, 2028) else 365
    weekdays = [day for day in (first + timedelta(days=n) for n in range(days)) if day.weekday() < 5]
    closed = [f"{day:%m-%d}" for day in weekdays if not is_bank_day(day)]
    assert closed == [day for day in published if day != "-"]


@pytest.mark.parametrize("day", ["2026-07-03", "2021-12-31", "2021-12-24", "2027-06-18", "2027-12-24", "2027-12-31"])
def test_a_holiday_on_a_saturday_leaves_the_friday_open(day):
    assert is_bank_day(date.fromisoformat(day))


@pytest.mark.parametrize("day", ["2021-07-05", "2022-06-20", "2022-12-26", "2023-01-02", "2027-07-05"])
def test_a_holiday_on_a_sunday_closes_the_monday(day):
    assert not is_bank_day(date.fromisoformat(day))


def test_a_payout_named_for_a_holiday_is_expected_on_the_next_bank_day():
    assert expected_arrival(date(2026, 11, 26)) == date(2026, 11, 27)  # Thanksgiving, then Friday
    assert expected_arrival(date(2027, 7, 3)) == date(2027, 7, 6)  # Saturday; the Monday keeps Sunday's holiday


def test_a_deposit_that_waited_for_a_holiday_is_a_day_late_only_where_a_bank_day_passed():
    assert days_late(date(2026, 11, 26), date(2026, 11, 27)) == 0  # Thanksgiving is no bank day
    assert days_late(date(2026, 11, 25), date(2026, 11, 27)) == 1
    assert days_late(date(2026, 7, 2), date(2026, 7, 6)) == 2  # Friday 3 July is open in 2026
    assert days_late(date(2026, 11, 25), date(2026, 11, 24)) == 0  # early


def test_bank_days_are_counted_and_added_over_christmas_and_new_year():
    assert bank_days_between(date(2025, 12, 24), date(2026, 1, 2)) == 5  # 26, 29, 30, 31 December, 2 January
    assert bank_days_between(date(2026, 1, 2), date(2025, 12, 24)) == -5
    assert add_bank_days(date(2025, 12, 24), 5) == date(2026, 1, 2)
    assert add_bank_days(date(2026, 1, 2), -5) == date(2025, 12, 24)
    assert add_bank_days(date(2026, 11, 28), 1) == date(2026, 11, 30)  # from a Saturday


def test_sql_counts_as_python_does(owner):
    first = date(2024, 1, 1)
    spans = [
        (first + timedelta(days=n), first + timedelta(days=n + m)) for n in range(0, 800, 9) for m in (-12, 0, 1, 4, 11)
    ]
    counted = owner.execute(
        "select payops.bank_days_between(a, b), payops.days_late(a, b), payops.next_bank_day(a),"
        " payops.add_bank_days(a, 3) from unnest(%s::date[], %s::date[]) with ordinality as s (a, b, n) order by n",
        ([a for a, _ in spans], [b for _, b in spans]),
    ).fetchall()
    assert counted == [
        (bank_days_between(a, b), days_late(a, b), bank_days.next_bank_day(a), add_bank_days(a, 3)) for a, b in spans
    ]


def test_the_holidays_that_sql_knows_are_the_calendars():
    assert bank_holidays_document.FILE.read_text() == bank_holidays_document.text()


def test_a_year_without_a_calendar_is_refused_by_sql(owner):
    with pytest.raises(Exception, match="no_bank_calendar"):
        owner.execute("select payops.is_bank_day('2041-01-02')")
