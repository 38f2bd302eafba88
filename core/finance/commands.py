"""`payops reconcile`: the reconciliation of a period, with an optional comparison with Stripe's own report."""

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from core.db import json_text
from core.errors import Refused
from core.events.repair import backfill_job
from core.events.repair.backfill_job import Reached
from core.exports import command_line
from core.exports.table import MOST_AT_ONCE, Stamp
from core.finance import mismatches, payout_report, reconciliation, reconciliation_tables, report_comparison
from core.finance.mismatches import Mismatch
from core.finance.reconciliation import Reconciliation
from core.finance.report_comparison import ReportComparison
from core.periods import Period
from core.staff.roles import commandline_actor

MISMATCHES_PRINTED = 50
DIFFERENCES_PRINTED = 50


OpenServices = Callable[[], AbstractContextManager[Any]]
OutFile = Annotated[Path | None, typer.Option(help="Write the mismatches to this file.")]


def mount(payops: typer.Typer, open_services: OpenServices) -> None:
    """Add this module's command to `payops`."""

    @payops.command()
    def reconcile(
        since: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First business day.")] = None,
        until: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last business day.")] = None,
        payout: Annotated[str | None, typer.Option(help="One payout (po_…) in place of a period.")] = None,
        report: Annotated[
            Path | None,
            typer.Option("--against", help="Stripe's itemised report as CSV.", exists=True, dir_okay=False),
        ] = None,
        csv: OutFile = None,
        xlsx: OutFile = None,
        as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    ) -> None:
        """Compare our ledger, Stripe's balance, payouts and the bank. Ends with 1 where something does not match."""
        if payout is not None:
            if since or until or report:
                raise typer.BadParameter("--payout goes without --since, --until and --against.")
            explains = _reconcile_payout(open_services, payout.strip(), csv, xlsx, as_json)
        else:
            first, last = _days(since, until)
            explains = _reconcile_period(open_services, first, last, report, csv, xlsx, as_json)
        if not explains:
            raise typer.Exit(1)


def _days(since: datetime | None, until: datetime | None) -> tuple[date, date]:
    if since is None or until is None:
        raise typer.BadParameter("Name a period with --since and --until, or one payout with --payout.")
    if until < since:
        raise typer.BadParameter("--until is before --since.")
    return since.date(), until.date()


def _reconcile_payout(
    open_services: OpenServices, payout_id: str, csv: Path | None, xlsx: Path | None, as_json: bool
) -> bool:
    with open_services() as running:
        now = running.clock()
        reconciliation.refresh(running.db, now)
        found = payout_report.load(running.db, payout_id, now=now, all_movements=as_json)
        stamp = Stamp(now, commandline_actor().name, running.settings.business_zone)
        command_line.save(reconciliation_tables.payout_mismatch_table(found), stamp, csv=csv, xlsx=xlsx)
    typer.echo(json_text(found.as_json()) if as_json else "\n".join(payout_report.lines(found)))
    return found.reconciles


def _reconcile_period(
    open_services: OpenServices,
    since: date,
    until: date,
    report: Path | None,
    csv: Path | None,
    xlsx: Path | None,
    as_json: bool,
) -> bool:
    with open_services() as running:
        zone = running.settings.business_zone
        period, now = Period(since, until, zone), running.clock()
        compared = report_comparison.compare(running.db, report.name, _content(report), zone) if report else None
        reconciliation.refresh(running.db, now)
        found = reconciliation.load(running.db, period)
        listed = mismatches.listed(running.db, period, now=now, most=MOST_AT_ONCE)
        history = backfill_job.reached(running.db)
        stamp = Stamp(now, commandline_actor().name, zone)
        command_line.save(reconciliation_tables.mismatch_table(found, listed), stamp, csv=csv, xlsx=xlsx)
    whole = history.complete_at is not None
    typer.echo(json_text(as_object(found, listed, compared, whole)) if as_json else _text(found, listed, compared))
    if not whole:
        typer.echo(_incomplete(history), err=True)
    return found.reconciles and (compared is None or compared.agrees)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Refused("file_not_read", f"{path.name} could not be read: {error.strerror}.") from error


def _incomplete(history: Reached) -> str:
    read = history.in_words() if history.kinds else "`payops backfill` reads it."
    return f"Stripe's history has not been read completely yet: what is missing here may only be on its way. {read}"


def as_object(
    found: Reconciliation, listed: list[Mismatch], compared: ReportComparison | None, history_complete: bool
) -> dict[str, Any]:
    """What `--json` prints: amounts in minor units."""
    return {
        "since": found.period.since.isoformat(),
        "until": found.period.until.isoformat(),
        "timezone": found.period.zone.key,
        "fresh_at": found.fresh_at.isoformat() if found.fresh_at else None,
        "history_complete": history_complete,
        "reconciles": found.reconciles,
        "currencies": found.currencies,
        "mismatches": {"items": listed},
        "changed_months": found.changed_months,
        "against": compared
        and {
            "file": compared.file,
            "rows": compared.rows,
            "differences": compared.found,
            "items": compared.differences,
        },
    }


def _text(found: Reconciliation, listed: list[Mismatch], compared: ReportComparison | None) -> str:
    lines = list(reconciliation.lines_in_words(found))
    if len(listed) > MISMATCHES_PRINTED:
        lines.append("")
        lines += [f"{count:,} × {mismatches.CLASSES[each]}" for each, count in _classes(listed)]
    if listed:
        lines.append("")
    for each in listed[:MISMATCHES_PRINTED]:
        lines.append(mismatches.line_in_words(each))
    if len(listed) > MISMATCHES_PRINTED:
        lines.append(
            f"… and {len(listed) - MISMATCHES_PRINTED:,} more, smaller ones; --json, --csv and --xlsx have all."
        )
    if compared:
        lines += ["", compared.in_words()]
        lines += [_difference(each) for each in compared.differences[:DIFFERENCES_PRINTED]]
        if compared.found > DIFFERENCES_PRINTED:
            lines.append(
                f"… and {compared.found - DIFFERENCES_PRINTED:,} more; --json lists up to {report_comparison.KEPT:,}."
            )
    return "\n".join(lines)


def _classes(listed: list[Mismatch]) -> list[tuple[str, int]]:
    return Counter(mismatches.class_of(each) for each in listed).most_common()


def _difference(each: report_comparison.Difference) -> str:
    transaction = each["balance_transaction_id"]
    if each["line"] is None:
        return f"  {transaction} of {each['mirror']} is in the mirror and not in the report"
    if each["field"] == "row":
        return f"  line {each['line']}: {transaction} of {each['report']} is not in the mirror"
    return f"  line {each['line']}: {transaction} {each['field']}: report {each['report']}, mirror {each['mirror']}"
