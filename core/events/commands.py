"""`payops events list|show|replay`: the inbox from the command line."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Annotated, Protocol
from zoneinfo import ZoneInfo

import typer

from core.db import Database, json_text
from core.events import lookup, replay
from core.events.event_rows import ListedEvent
from core.events.lookup import OUTCOMES, EventFilter
from core.periods import Clock
from core.staff.roles import commandline_actor
from core.stripe_gateway import StripeGateway


class Running(Protocol):
    """The running services that these commands need."""

    @property
    def db(self) -> Database: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def stripe(self) -> StripeGateway: ...
    @property
    def livemode(self) -> bool: ...
    @property
    def zone(self) -> ZoneInfo: ...


Open = Callable[[], AbstractContextManager[Running]]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Type = Annotated[str | None, typer.Option(help="An event type, or a family such as 'charge.*'.")]
Outcome = Annotated[str | None, typer.Option(help=f"One of {', '.join(OUTCOMES)}.")]
Object = Annotated[str | None, typer.Option("--object", help="Events of this object, such as pi_….")]
Since = Annotated[str | None, typer.Option(help="Received from this day or time on, in the business time zone.")]
Until = Annotated[str | None, typer.Option(help="Received up to this time, or the end of this day.")]


def events_app(open_running: Open) -> typer.Typer:
    """The `payops events` commands; each one opens its services with `open_running`."""
    app = typer.Typer(no_args_is_help=True, help="List, show and replay the events in the webhook inbox.")
    _mount_reading(app, open_running)
    _mount_replay(app, open_running)
    return app


def _mount_reading(app: typer.Typer, open_running: Open) -> None:
    @app.command("list")
    def list_events(
        type: Type = None,
        outcome: Outcome = None,
        object_id: Object = None,
        since: Since = None,
        until: Until = None,
        limit: Annotated[int, typer.Option(min=1, max=1000, help="How many events at most, newest first.")] = 50,
        as_json: AsJson = False,
    ) -> None:
        """List events, newest first."""
        with open_running() as running:
            sought = _sought(running.zone, type, outcome, object_id, since, until)
            found = lookup.newest(running.db, sought, limit=limit).events
        if as_json:
            typer.echo(json_text({"items": found}))
            return
        for event in found:
            typer.echo(_line(event, running.zone))
        if not found:
            typer.echo("No event matches.")

    @app.command()
    def show(event: str, as_json: AsJson = False) -> None:
        """Show one event: its stored payload, its attempts, and the other events of its object."""
        with open_running() as running:
            found = lookup.one(running.db, event)
        if as_json:
            typer.echo(json_text(found))
            return
        typer.echo(_line(found, running.zone))
        if found["reason"]:
            typer.echo(f"Reason: {found['reason']}")
        for tried in found["later_attempts"]:
            at = _time(tried["at"], running.zone)
            reason = f" ({tried['reason']})" if tried["reason"] else ""
            typer.echo(f"Attempt on {at} by {tried['actor']}: {tried['outcome']}{reason}")
        typer.echo(json_text(lookup.as_stripe_event(found)))
        if found["related"]:
            typer.echo(f"Other events of {found['object_id']}:")
        for related in found["related"]:
            typer.echo(_line(related, running.zone))


def _mount_replay(app: typer.Typer, open_running: Open) -> None:
    @app.command("replay")
    def replay_events(
        events: Annotated[
            list[str] | None, typer.Argument(help="The IDs of events; leave out to choose by the options.")
        ] = None,
        type: Type = None,
        outcome: Outcome = None,
        object_id: Object = None,
        since: Since = None,
        until: Until = None,
        refetch: Annotated[bool, typer.Option("--refetch", help="Use each object as Stripe has it now.")] = False,
        dry_run: Annotated[
            bool, typer.Option("--dry-run", help="Show what would happen without writing anything.")
        ] = False,
        reason: Annotated[str | None, typer.Option(help="The reason, for the audit log.")] = None,
        as_json: AsJson = False,
    ) -> None:
        """Apply stored events again with today's code: by their IDs, or all that match the options."""
        if bool(events) == bool(type or outcome or object_id or since or until):
            raise typer.BadParameter(
                "Give either the IDs of events or at least one option that chooses them, not both."
            )
        with open_running() as running:
            sought = _sought(running.zone, type, outcome, object_id, since, until, events)
            if missing := set(events or []) - _known(running.db, events):
                typer.echo(f"Not in the inbox: {', '.join(sorted(missing))}.", err=True)
                raise typer.Exit(1)
            if dry_run:
                _say_preview(replay.preview(running.db, sought, livemode=running.livemode), as_json=as_json)
                return
            settled = list(
                replay.replay(
                    running.db,
                    lambda: running.stripe,
                    commandline_actor(),
                    sought,
                    clock=running.clock,
                    livemode=running.livemode,
                    reason=reason,
                    refetch=refetch,
                )
            )
        if as_json:
            typer.echo(json_text({"items": [vars(each) for each in settled]}))
        else:
            typer.echo(replay.summary(settled))
        if any(each.outcome == "failed" for each in settled):
            raise typer.Exit(1)


def _known(db: Database, events: list[str] | None) -> set[str]:
    if not events:
        return set()
    found = lookup.newest(db, EventFilter(ids=tuple(events)), limit=1000).events
    return {event["id"] for event in found}


def _say_preview(found: replay.Preview, *, as_json: bool) -> None:
    if as_json:
        rows = [{"table": row.table, "id": row.id, "effect": row.effect} for row in found.rows]
        typer.echo(json_text({"events": found.events, "outcomes": found.outcomes, "items": rows}))
        return
    outcomes = ", ".join(f"{count} {outcome}" for outcome, count in sorted(found.outcomes.items()))
    events = "1 event" if found.events == 1 else f"{found.events:,} events"
    typer.echo(f"Dry run, nothing was written: {events}{f' ({outcomes})' if outcomes else ''}.")
    if found.more:
        typer.echo("More events match; this covers the newest.")
    for row in found.rows:
        if row.effect in ("adds", "changes"):
            fields = f" ({', '.join(row.fields)})" if row.fields else ""
            typer.echo(f"{'Adds' if row.effect == 'adds' else 'Changes'} {row.id} in {row.table}{fields}")


def _sought(
    zone: ZoneInfo,
    type: str | None,
    outcome: str | None,
    object_id: str | None,
    since: str | None,
    until: str | None,
    events: list[str] | None = None,
) -> EventFilter:
    if outcome is not None and outcome not in OUTCOMES:
        raise typer.BadParameter(f"{outcome} is not an outcome. Choose one of {', '.join(OUTCOMES)}.")
    return EventFilter(
        since=_moment(since, zone),
        until=_moment(until, zone, end_of_day=True),
        type=type,
        outcome=outcome,
        object_id=object_id,
        ids=tuple(events) if events else None,
    )


def _moment(text: str | None, zone: ZoneInfo, *, end_of_day: bool = False) -> datetime | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text} is not a day (2026-11-24) or a time (2026-11-24T10:30).") from None
    if len(text) == len("2026-11-24") and end_of_day:
        at += timedelta(days=1)
    return at if at.tzinfo else at.replace(tzinfo=zone)


def _time(moment: str, zone: ZoneInfo) -> str:
    at = datetime.fromisoformat(moment).astimezone(zone)
    return f"{at.day} {at:%b %Y, %H:%M:%S %Z}"


def _line(event: ListedEvent, zone: ZoneInfo) -> str:
    at = _time(event["received_at"], zone)
    return f"{at}  {event['id']}  {event['type']}  {event['object_id'] or '-'}  {event['outcome']}"
