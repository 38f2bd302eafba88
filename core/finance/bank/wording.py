"""Sentences about an import: what was read, what is Stripe's, what was matched, and what must be matched by hand."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date

from core.finance.bank.imports import BOOKED_NOW, KNOWN, NEW, NEW_PENDING, Imported, StatementFate
from core.finance.bank.statements import FORMAT_TITLES

SHOWN = 5
FATES = {NEW: "New", NEW_PENDING: "New, pending", BOOKED_NOW: "Was pending, now booked", KNOWN: "Already imported"}
MATCHED_BY = {"trace_id": "trace ID", "amount": "amount and day", "person": "a person"}


def lines(imported: Imported) -> Iterator[str]:
    """The summary, one sentence for each line."""
    count = len(imported.statements)
    yield f"{imported.file}: {FORMAT_TITLES[imported.format]}, {count:,} {'statement' if count == 1 else 'statements'}."
    for each in _by_account(imported.statements):
        yield from _statement_lines(each)
    if imported.is_nothing_new:
        yield "All of it was imported before; nothing was added."
    elif imported.dry_run:
        yield "This was a dry run; nothing was written."


def _by_account(fates: Iterable[StatementFate]) -> list[StatementFate]:
    """The statements of each account joined into one, because BAI2 has one for each day."""
    found: dict[tuple[str | None, str | None, str], list[StatementFate]] = {}
    for each in fates:
        name = each.target.name if each.target else None
        key = name, each.statement.last4, each.statement.currency
        found.setdefault(key, []).append(each)
    return [_together(each) for each in found.values()]


def _together(fates: Sequence[StatementFate]) -> StatementFate:
    first, statements = fates[0], [each.statement for each in fates]
    return replace(
        first,
        statement=replace(
            first.statement,
            entries=tuple(entry for each in statements for entry in each.entries),
            from_date=min((each.from_date for each in statements if each.from_date), default=None),
            to_date=max((each.to_date for each in statements if each.to_date), default=None),
        ),
        entries=[entry for each in fates for entry in each.entries],
        withdrawn=sum(each.withdrawn for each in fates),
        dropped=sum(each.dropped for each in fates),
    )


def _statement_lines(each: StatementFate) -> Iterator[str]:
    statement, target = each.statement, each.target
    total = len(statement.entries)
    ending = f" •••• {statement.last4}" if statement.last4 else ""
    if target is None:
        yield f"  Account{ending} ({statement.currency.upper()}): {_entries(total)}, none of them Stripe's. Left out."
        return
    name = target.name if ending and target.name.endswith(ending) else f"{target.name}{ending}"
    new = ", a new account" if target.is_new else ""
    yield f"  {name} ({statement.currency.upper()}{new}), {_days(statement.from_date, statement.to_date)}:"
    kept = len(each.entries)
    stored = (
        f"{kept:,} of them Stripe's; nothing is stored of the other {each.others:,}" if each.others else "all Stripe's"
    )
    yield f"    {_entries(total)} read, {stored}."
    fates = [
        f"{count:,} {words}"
        for fate, words in (
            (NEW, "new"), (NEW_PENDING, "new but pending"), (BOOKED_NOW, "now booked"), (KNOWN, "already imported"),
        )
        if (count := sum(entry.fate == fate for entry in each.entries))
    ]  # fmt: skip
    if fates:
        yield f"    {', '.join(fates)}."
    for count, words in ((each.withdrawn, "taken back by the bank"), (each.dropped, "no longer pending at the bank")):
        if count:
            yield f"    {_entries(count)} of earlier statements {'is' if count == 1 else 'are'} {words}."
    by = [
        f"{count:,} by {words}"
        for how, words in MATCHED_BY.items()
        if (count := sum(entry.matched_by == how for entry in each.entries))
    ]
    if by:
        yield f"    Matched to payouts: {', '.join(by)}."
    waiting = [entry for entry in each.entries if entry.payout_id is None and not entry.is_pending]
    for entry in waiting[:SHOWN]:
        what = f"{entry.amount} of {_day(entry.booked_on)}"
        yield f"    Line {entry.line:,}: {what} fits no payout for certain; finance must choose."
    if len(waiting) > SHOWN:
        yield f"    And {len(waiting) - SHOWN:,} more that finance must choose."


def _entries(count: int) -> str:
    return f"{count:,} {'entry' if count == 1 else 'entries'}"


def _days(first: date | None, last: date | None) -> str:
    if first is None or last is None:
        return "no entries"
    return _day(first) if first == last else f"{_day(first)} to {_day(last)}"


def _day(day: date) -> str:
    return f"{day:%-d %b %Y}"
