"""`payops users`: add, list, disable, enable, reset-password, set-role."""

import json
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Annotated, Any

import typer

from core.db import Database
from core.periods import wall_clock
from core.staff import users
from core.staff.roles import Role, commandline_actor

OpenDatabase = Callable[[], AbstractContextManager[Database]]

Name = Annotated[str, typer.Argument(help="The name somebody signs in with.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
FromStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password's line from stdin.")]


def users_app(open_database: OpenDatabase) -> typer.Typer:
    """The commands over the staff in the database that `open_database` opens for each."""
    app = typer.Typer(help="The staff: who may sign in, with which role.", no_args_is_help=True)

    @app.command()
    def add(
        name: Name,
        role: Annotated[Role, typer.Option(help="What they may see and do.")],
        email: Annotated[str, typer.Option(help="Where they are reached.")],
        password_stdin: FromStdin = False,
        as_json: AsJson = False,
    ) -> None:
        """Add somebody, who chooses a password of their own at the first sign-in."""
        password = _password(from_stdin=password_stdin)
        with open_database() as db:
            _tell(users.add(db, commandline_actor(), name, role, email, password, wall_clock()), as_json)

    @app.command("list")
    def list_users(as_json: AsJson = False) -> None:
        """List everybody who ever could sign in."""
        with open_database() as db:
            everybody = users.everybody(db, commandline_actor())
        if as_json:
            typer.echo(json.dumps({"items": everybody}, indent=2))
            return
        typer.echo(f"{'NAME':<20} {'ROLE':<8} {'STATE':<9} {'2ND FACTOR':<11} {'LAST SEEN (UTC)':<17} E-MAIL")
        for user in everybody:
            seen = user["last_seen_at"] or "never"
            factor = "yes" if user["second_factor"] else "no"
            typer.echo(f"{_who(user)} {factor:<11} {seen[:16].replace('T', ' '):<17} {user['email']}")

    @app.command()
    def disable(name: Name, as_json: AsJson = False) -> None:
        """Sign somebody out everywhere and let them in no more."""
        with open_database() as db:
            _tell(users.disable(db, commandline_actor(), name, wall_clock()), as_json)

    @app.command()
    def enable(name: Name, as_json: AsJson = False) -> None:
        """Let somebody who was disabled sign in again."""
        with open_database() as db:
            _tell(users.enable(db, commandline_actor(), name, wall_clock()), as_json)

    @app.command("reset-password")
    def reset_password(
        name: Name,
        password_stdin: FromStdin = False,
        second_factor: Annotated[
            bool, typer.Option("--second-factor", help="Forget their second factor as well.")
        ] = False,
    ) -> None:
        """Give somebody a new password to change at the next sign-in; signs them out, lifts a lock."""
        password = _password(from_stdin=password_stdin)
        with open_database() as db:
            users.reset_password(db, commandline_actor(), name, password, wall_clock())
            if second_factor:
                users.reset_second_factor(db, commandline_actor(), name, wall_clock())
        typer.echo(f"{name} has a new password and is signed out everywhere.")

    @app.command("set-role")
    def set_role(name: Name, role: Annotated[Role, typer.Argument()], as_json: AsJson = False) -> None:
        """Give somebody another role, from their next interaction on."""
        with open_database() as db:
            _tell(users.set_role(db, commandline_actor(), name, role, wall_clock()), as_json)

    return app


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))


def _tell(user: dict[str, Any], as_json: bool) -> None:
    typer.echo(json.dumps(user, indent=2) if as_json else _line(user))


def _line(user: dict[str, Any]) -> str:
    return f"{_who(user)} {user['email']}"


def _who(user: dict[str, Any]) -> str:
    state = "active" if user["active"] else "disabled"
    return f"{user['name']:<20} {user['role']:<8} {state:<9}"
