"""The `payops` command."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from core import database_commands
from core.checklist import commands as checklist_commands
from core.db import Database, json_text
from core.errors import PayopsError, Refused, Unauthorised
from core.events.commands import events_app
from core.finance import commands as finance_commands
from core.finance.bank import commands as bank_commands
from core.periods import wall_clock
from core.providers import commands as provider_commands
from core.reviews import commands as review_commands
from core.sandbox.commands import app as sandbox
from core.settings import Settings, SettingsError, load_settings
from core.staff import audit
from core.staff.commands import users_app
from core.staff.roles import commandline_actor

if TYPE_CHECKING:
    from core.services import Services

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help="Payment operations.")

app.add_typer(sandbox, name="sandbox")


@app.callback()
def payops() -> None:
    """Payment operations of a telehealth company."""
    os.umask(0o077)  # only this user may read the files that a command writes
    # A command reports an unreachable database in one sentence; the pool would log it many times.
    logging.getLogger("psycopg.pool").addHandler(logging.NullHandler())


Port = Annotated[int, typer.Option(min=1, max=65535)]


@app.command()
def serve(
    console_port: Port = 8501,
    api_port: Port = 8000,
    demo_speed: Annotated[
        float, typer.Option(min=0.1, max=1000, help="How many times the business's own pace the demo's customers come.")
    ] = 1.0,
) -> None:
    """Serve everything on this machine: database, API, background work, and console."""
    from rich.console import Console

    from core import serve as everything

    try:
        out = Console()
        everything.run(_settings(), console_port=console_port, api_port=api_port, out=out, demo_speed=demo_speed)
    except PayopsError as error:
        _fail(error, code=1)


@app.command()
def worker() -> None:
    """Run the background work alone."""
    from core import worker_process

    _settings()
    try:
        worker_process.main()
    except PayopsError as error:
        _fail(error, code=1)


@app.command()
def api(host: str = "127.0.0.1", port: Port = 8000, workers: Annotated[int, typer.Option(min=1)] = 1) -> None:
    """Serve the webhooks, the payment API, and the health routes."""
    import uvicorn

    from core import services

    try:
        services.start(_settings()).close()  # a wrong setting is reported here once, not by each worker
    except PayopsError as error:
        _fail(error, code=1)
    uvicorn.run(
        "core.api.app:app",
        host=host,
        port=port,
        workers=workers,
        http="core.http_protocol:BoundedHttp",
        timeout_keep_alive=75,  # longer than a load balancer keeps an idle connection
        server_header=False,
        access_log=False,
    )


@app.command()
def backfill(
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Only objects created on or after this day.")
    ] = None,
    only: Annotated[str, typer.Option(help="Only these kinds of objects, comma-separated.")] = "",
) -> None:
    """Mirror Stripe's objects. A run that was stopped resumes where it was."""
    from rich.progress import BarColumn, Progress, TextColumn

    from core import services
    from core.events.repair import backfill as mirroring

    wanted = tuple(name.strip() for name in only.split(",") if name.strip()) or mirroring.NAMES
    if unknown := set(wanted) - set(mirroring.NAMES):
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}: choose from {', '.join(mirroring.NAMES)}")
    settings = _settings()
    start = since.replace(tzinfo=settings.business_zone) if since else None
    with Progress(TextColumn("{task.description:<22}"), BarColumn(), TextColumn("{task.fields[said]}")) as bar:
        tasks = {name: bar.add_task(name.replace("_", " "), total=None, said="") for name in wanted}

        def tell(progress: mirroring.Progress) -> None:
            said = f"{progress.objects:,}" + ("" if progress.done else f", reached {progress.reached:%Y-%m-%d}")
            bar.update(tasks[progress.source], said=said)
            if progress.done:
                bar.update(tasks[progress.source], total=1, completed=1)

        try:
            running = services.start(settings)
            mirroring.run(
                running.db,
                running.stripe,
                clock=running.clock,
                livemode=running.livemode,
                since=start,
                only=wanted,
                tell=tell,
                requests_per_second=settings.backfill_requests_per_second,
            )
            running.close()
        except PayopsError as error:
            _fail(error, code=1)


@app.command()
def metrics(
    since: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="First business day.")],
    until: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Last business day.")],
    currency: str = "usd",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Print the overview's figures for a period of business days."""
    from core import services
    from core.figures.wording import lines
    from core.monitoring import metrics as figures
    from core.periods import Period

    settings = _settings()
    try:
        period = Period(since.date(), until.date(), settings.business_zone)
        figures.known(currency)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    except PayopsError as error:
        _fail(error, code=2)
    try:
        running = services.start(settings)
        overview = figures.overview(running.db, period, currency=currency, now=running.clock())
        others = figures.other_movements(running.db, period, currency=currency)
        running.close()
    except PayopsError as error:
        _fail(error, code=1)
    typer.echo(json_text(overview) if as_json else "\n".join(lines(overview, others)))


@contextmanager
def _open_services() -> Iterator["Services"]:
    """The running services. A refusal inside the block is recorded in the audit log and ends the command."""
    from core import services

    settings = _settings()
    try:
        running = services.start(settings)
        try:
            yield running
        except (Refused, Unauthorised) as error:
            _note_refusal(running.db, error)
            raise
        finally:
            running.close()
    except PayopsError as error:
        _fail(error, code=1)


def _note_refusal(db: Database, error: PayopsError) -> None:
    """Record in the audit log which command was refused; its arguments may be private and are left out."""
    command = " ".join(word for word in sys.argv[1:3] if not word.startswith("-"))
    audit.record(
        db,
        commandline_actor(),
        "cli:command:tried",
        f"command:{command}",
        wall_clock(),
        outcome="refused",
        reason=error.detail,
        after={"code": error.code},
    )


@contextmanager
def _open_database() -> Iterator[Database]:
    """Only the database of the running services."""
    with _open_services() as running:
        yield running.db


@contextmanager
def _open_now() -> Iterator[tuple[Database, datetime]]:
    """The database and the present time; in the sandbox, that of its clock."""
    with _open_services() as running:
        yield running.db, running.clock()


def _settings() -> Settings:
    try:
        settings = load_settings()
    except SettingsError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    for warning in settings.warnings:
        typer.echo(f"Warning: {warning}", err=True)
    return settings


def _fail(error: PayopsError, *, code: int) -> NoReturn:
    """Print the error and end with this exit code, or with 2 if the settings are the cause."""
    from core.db.timezone import REFUSALS

    typer.echo(error.detail, err=True)
    code = 2 if error.code in REFUSALS else code
    raise typer.Exit(code) from None


app.add_typer(users_app(_open_database), name="users")
app.add_typer(events_app(_open_services), name="events")
finance_commands.mount(app, _open_services)
provider_commands.mount(app, _open_now)
bank_commands.mount(app, _open_now)
checklist_commands.mount(app, _open_services)
review_commands.mount(app, _open_services)
database_commands.mount(app, _settings, _fail)
