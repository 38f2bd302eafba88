"""Callbacks for clicks on the charts: each shows in the list the customers that the clicked bar or point counts."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from core.billing.cohorts import Cohort, CohortMonth, Month
from core.billing.subscription_figures import Movement, SubscriptionFigures
from core.ui.kit import filters
from core.ui.subscriptions import subscription_table

Point = Mapping[str, Any]


def show_step(figures: SubscriptionFigures, point: Point) -> None:
    """Show the customers of a bar of the waterfall."""
    subscription_table.choose(figures.steps[point["point_index"]].name)


def show_loss(figures: SubscriptionFigures, point: Point) -> None:
    """Show the customers who left for the reason of this bar."""
    found = next((each for each in figures.losses if each.title == str(point["y"])), None)
    if found:
        subscription_table.choose(Movement.CHURNED, why=found.key)


def show_movement(months: Sequence[Month], today: date, point: Point) -> None:
    """Filter by the month of this bar, and show the customers with this part's kind of movement."""
    movement = list(Movement)[point["curve_number"]]
    _show_month(months[point["point_index"]], today, movement)


def show_end(months: Sequence[Month], today: date, point: Point) -> None:
    """Filter by the month of this point, and show the customers who paid at its end."""
    _show_month(months[point["point_index"]], today, "end")


def show_cohort(found: Sequence[Cohort], point: Point) -> None:
    """Show the customers of a cell of the heat map: those who joined in its month and still paid that much later."""
    subscription_table.choose_cohort(cell_of(found, point))


def cell_of(found: Sequence[Cohort], point: Point) -> CohortMonth:
    """The cell under a point. Points are numbered through the months of `Cohort.paying`, one cohort after the other."""
    cells = [CohortMonth(each.month, later) for each in found for later in range(len(each.paying))]
    return cells[point["point_index"]]


def days_of(month: Month, today: date) -> tuple[date, date]:
    """The first and last day of a month; for the present month, the last is today."""
    last = (month.month + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    return month.month, min(last, today)


def _show_month(month: Month, today: date, name: str) -> None:
    filters.show_days(*days_of(month, today))
    subscription_table.choose(name)
