"""A click on a bar or a point of the charts shows, in the list, the customers that it counts."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from core.billing.cohorts import Cohort, CohortMonth, Month
from core.billing.subscription_figures import Movement, SubscriptionFigures
from core.ui.kit import filters
from core.ui.subscriptions import subscription_table

Point = Mapping[str, Any]


def show_step(figures: SubscriptionFigures, point: Point) -> None:
    """The customers of a bar of the waterfall."""
    subscription_table.choose(figures.steps[point["point_index"]].name)


def show_loss(figures: SubscriptionFigures, point: Point) -> None:
    """The customers who left for the reason of this bar."""
    found = next((each for each in figures.losses if each.title == str(point["y"])), None)
    if found:
        subscription_table.choose(Movement.CHURNED, why=found.key)


def show_movement(months: Sequence[Month], today: date, point: Point) -> None:
    """The month of this part of a bar alone, and the customers who moved so in it."""
    movement = list(Movement)[point["curve_number"]]
    _show_month(months[point["point_index"]], today, movement)


def show_end(months: Sequence[Month], today: date, point: Point) -> None:
    """The month of this point alone, and the customers who paid at its end."""
    _show_month(months[point["point_index"]], today, "end")


def show_cohort(found: Sequence[Cohort], point: Point) -> None:
    """The customers of a cell of the heat map: who joined in its month, and still paid so many months later."""
    subscription_table.choose_cohort(cell_of(found, point))


def cell_of(found: Sequence[Cohort], point: Point) -> CohortMonth:
    """The cell under a point; the points are numbered as `Cohort.paying` goes on, one cohort after the other."""
    cells = [CohortMonth(each.month, later) for each in found for later in range(len(each.paying))]
    return cells[point["point_index"]]


def days_of(month: Month, today: date) -> tuple[date, date]:
    """The first and the last day of a month, of the present one up to today."""
    last = (month.month + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    return month.month, min(last, today)


def _show_month(month: Month, today: date, name: str) -> None:
    filters.show_days(*days_of(month, today))
    subscription_table.choose(name)
