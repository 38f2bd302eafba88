"""`payops report daily|weekly`: the daily checks and the weekly review from the command line."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from core.periods import business_day
from core.reviews import report
from core.reviews.check import Cadence, newest_period
from core.services import Services

OpenServices = Callable[[], AbstractContextManager[Services]]
Day = Annotated[datetime | None, typer.Option("--date", formats=["%Y-%m-%d"], help="The day, or a day of the week.")]
Html = Annotated[Path | None, typer.Option("--html", help="Write the report to this file, as one page.")]


def mount(payops: typer.Typer, open_services: OpenServices) -> None:
    """Add the commands under `report` to `payops`."""
    app = typer.Typer(no_args_is_help=True, help="The daily checks and the weekly review.")
    payops.add_typer(app, name="report")

    @app.command()
    def daily(day: Day = None, html: Html = None) -> None:
        """Print the checks of a business day, yesterday's without --date."""
        _report(open_services, Cadence.DAILY, day, html)

    @app.command()
    def weekly(day: Day = None, html: Html = None) -> None:
        """Print the review of a week, last week's without --date."""
        _report(open_services, Cadence.WEEKLY, day, html)


def _report(open_services: OpenServices, cadence: Cadence, day: datetime | None, html: Path | None) -> None:
    with open_services() as running:
        now, zone = running.clock(), running.zone
        chosen: date = day.date() if day else newest_period(cadence, business_day(now, zone), zone).since
        found = report.load(running.db, cadence, chosen, zone=zone, now=now)
    if html is None:
        typer.echo("\n".join(report.lines(found)))
        return
    try:
        html.write_text(report.html(found), encoding="utf-8")
    except OSError as error:
        typer.echo(f"{html} could not be written: {error.strerror}.", err=True)
        raise typer.Exit(1) from None
    typer.echo(f"{found.headline} Written to {html}.")
