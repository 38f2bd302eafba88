"""Totals of a table: money by currency, never added across currencies; counts over all rows."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from core.exports.cells import Cell
from core.exports.table import Column
from core.money import Money


@dataclass
class Totals:
    """The sums of the columns that have a total; rows are added one by one."""

    columns: Sequence[Column]
    _money: dict[str, dict[int, int]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(int)))
    _counts: dict[int, int | Decimal] = field(default_factory=lambda: defaultdict(int))

    def __post_init__(self) -> None:
        self._at = [at for at, column in enumerate(self.columns) if column.total]

    def add(self, cells: Sequence[Cell]) -> None:
        for at in self._at:
            value = cells[at]
            if isinstance(value, Money):
                self._money[value.currency][at] += value.minor
            elif isinstance(value, int | Decimal):
                self._counts[at] += value

    def lines(self) -> list[list[Cell]]:
        """The lines below the table: `Total USD` for each currency, and `Total` for counts."""
        found = [
            self._line(
                f"Total {currency.upper()}", {at: Money(minor, currency) for at, minor in sums.items()}, currency
            )
            for currency, sums in sorted(self._money.items())
        ]
        return found + ([self._line("Total", dict(self._counts))] if self._counts else [])

    def _line(self, label: str, sums: dict[int, Cell], currency: str | None = None) -> list[Cell]:
        line: list[Cell] = [sums.get(at) for at in range(len(self.columns))]
        for at, column in enumerate(self.columns):
            if currency and column.title == "Currency" and column.kind == "id":
                line[at] = currency.upper()
        if (free := next((at for at, value in enumerate(line) if value is None), None)) is not None:
            line[free] = label
        return line
