"""The tables that can be exported every week, each for a period and filters."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from core.exports.table import Table
from core.finance.journal import accounts, entries, forms
from core.payments import payments, refunds, tables
from core.payments.context import PaymentContext
from core.payments.disputes import dispute_table
from core.periods import Period
from core.staff.roles import Actor


@dataclass(frozen=True)
class Filters:
    """Filters of a scheduled table; None means all."""

    currency: str | None = None
    status: str | None = None

    @classmethod
    def of(cls, kept: Mapping[str, str]) -> "Filters":
        return cls(kept.get("currency"), kept.get("status"))

    def kept(self) -> dict[str, str]:
        return {name: value for name, value in vars(self).items() if value}


@dataclass(frozen=True)
class Scheduled:
    """A table that can be scheduled, with the statuses that it can be filtered by."""

    title: str
    build: Callable[[PaymentContext, Actor, Period, Filters], Table]
    statuses: Mapping[str, str]
    by_currency: bool = True


def _payments(context: PaymentContext, actor: Actor, period: Period, filters: Filters) -> Table:
    since, until = period.bounds()
    sought = payments.Sought(since=since, until=until, currency=filters.currency, status=filters.status)
    return tables.payments_found(context.db, actor, sought, period=period, filters=filters.kept())


def _refunds(context: PaymentContext, actor: Actor, period: Period, filters: Filters) -> Table:
    since, until = period.bounds()
    sought = refunds.Sought(since, until, filters.status, filters.currency)
    return tables.refunds_found(context, sought, period=period, filters=filters.kept())


def _disputes(context: PaymentContext, actor: Actor, period: Period, filters: Filters) -> Table:
    return dispute_table.opened_in(context.db, period, filters.currency)


def _journal(context: PaymentContext, actor: Actor, period: Period, filters: Filters) -> Table:
    mapping = accounts.mapping(context.db, actor)
    return forms.table(entries.load(context.db, actor, period, "day", mapping), period)


TABLES: dict[str, Scheduled] = {
    "payments": Scheduled("Payments", _payments, payments.STATUSES),
    "refunds": Scheduled("Refunds", _refunds, refunds.STATUSES),
    "disputes": Scheduled("Disputes opened", _disputes, {}),
    "journal": Scheduled("Journal by day", _journal, {}, by_currency=False),
}
