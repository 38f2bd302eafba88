"""`payops sandbox`: serve, seed, traffic, advance, bank-statement."""

import json
import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(help="The simulated Stripe: test money, the real API.", no_args_is_help=True)
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


@app.command()
def serve(
    port: Annotated[
        int | None, typer.Option(help="Port on 127.0.0.1. Default: the last one used, or a free one.")
    ] = None,
    traffic: Annotated[bool, typer.Option(help="Start live customers.")] = True,
) -> None:
    """Run the sandbox until Ctrl-C."""
    from core.sandbox.__main__ import serve as run

    raise typer.Exit(run(_data_dir(), port, traffic=traffic))


@app.command()
def seed(
    number: Annotated[int, typer.Option("--seed", help="The same number writes the same history.")] = 1,
    until: Annotated[str | None, typer.Option(help="Date or time at which the history ends. Default: now.")] = None,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Write 18 months of history into an empty sandbox."""
    from core.sandbox.seed import AlreadySeeded, seed_sandbox

    try:
        written = seed_sandbox(_data_dir(), seed=number, until=_moment(until) if until else None)
    except AlreadySeeded as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    if as_json:
        typer.echo(
            json.dumps({"seed": written.seed, "since": written.since, "until": written.until, "counts": written.counts})
        )
        return
    for name, count in written.counts.items():
        typer.echo(f"{count:>8,}  {name}")


@app.command()
def traffic(
    speed: Annotated[float, typer.Option(help="How many times faster than the business's own rhythm.")] = 1.0,
    per_minute: Annotated[float | None, typer.Option(help="A steady number of customers a minute instead.")] = None,
    stop: Annotated[bool, typer.Option("--stop", help="Stop live traffic.")] = False,
) -> None:
    """Start, speed up or stop live customers; starts the sandbox if needed."""
    steady = {} if per_minute is None else {"per_minute": per_minute}
    state = _ask("/sandbox/traffic", {"running": not stop, "speed": speed, **steady})
    if not state["running"]:
        typer.echo("Live traffic is stopped.")
        return
    typer.echo(f"Live traffic: about {state['per_minute'] * 60:.0f} customers an hour now.")


@app.command()
def advance(by: Annotated[str, typer.Argument(help="How far to advance, e.g. 30d, 12h or 90m.")]) -> None:
    """Advance the sandbox's clock; everything scheduled until then happens."""
    found = re.fullmatch(r"(\d+)([smhdw])", by)
    if found is None:
        raise typer.BadParameter("Use a number and one of s, m, h, d, w, e.g. 30d.")
    answer = _ask("/sandbox/clock/advance", {"seconds": int(found[1]) * SECONDS[found[2]]})
    moment = datetime.fromtimestamp(answer["now"], UTC).isoformat(timespec="seconds")
    typer.echo(f"{answer['happened']} scheduled changes happened. The sandbox's clock is now {moment}.")


@app.command("bank-statement")
def bank_statement(
    file: Annotated[Path, typer.Argument(help="Where to write the CAMT.053.")],
    since: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="First day.")],
    until: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Last day.")],
) -> None:
    """Write the bank's statement of the sandbox's payouts, for `payops bank import`."""
    from core.sandbox import demo_bootstrap

    if until < since:
        raise typer.BadParameter("--until is before --since.")
    written = demo_bootstrap.bank_statement(_data_dir(), since=since.date(), until=until.date())
    if written is None:
        typer.echo("The sandbox has paid nothing out yet. Seed it or serve it first.", err=True)
        raise typer.Exit(1)
    file.write_bytes(written)
    typer.echo(f"Wrote {file}.")


def _ask(path: str, body: dict[str, Any]) -> dict[str, Any]:
    import httpx

    from core.sandbox.process import ensure_running

    address = ensure_running(_data_dir())
    answer = httpx.post(address.base_url + path, json=body, timeout=600, trust_env=False)
    shown: dict[str, Any] = answer.json()
    if answer.status_code >= 400:
        typer.echo(shown["error"]["message"], err=True)
        raise typer.Exit(1)
    return shown


def _moment(text: str) -> int:
    """Seconds since 1970; a date means its first second in UTC."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter("Use an ISO date, e.g. 2026-06-30.") from error
    moment = int((read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp())
    if not 1_500_000_000 < moment < time.time() + 400 * 86_400:
        raise typer.BadParameter("Use a date between 2017 and one year from now.")
    return moment


def _data_dir() -> Path:
    from core.settings import SettingsError, load_settings

    try:
        return load_settings().data_dir
    except SettingsError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
