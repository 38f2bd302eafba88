"""`payops users`: add, list, disable, enable, reset-password, set-role."""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Annotated

import typer

from core.db import Database, json_text
from core.periods import wall_clock
from core.staff import identities, users
from core.staff.roles import Role, commandline_actor
from core.staff.users import User

OpenDatabase = Callable[[], AbstractContextManager[Database]]

Name = Annotated[str, typer.Argument(help="The name the user signs in with.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
FromStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]


def users_app(open_database: OpenDatabase) -> typer.Typer:
    """The `payops users` commands; each one opens the database with `open_database`."""
    app = typer.Typer(help="The users of the console: who may sign in, with which role.", no_args_is_help=True)

    @app.command()
    def add(
        name: Name,
        role: Annotated[Role, typer.Option(help="What the user may see and do.")],
        email: Annotated[str, typer.Option(help="The user's e-mail address.")],
        password_stdin: FromStdin = False,
        as_json: AsJson = False,
    ) -> None:
        """Add a user, who chooses their own password at the first sign-in."""
        password = _password(from_stdin=password_stdin)
        with open_database() as db:
            _show(users.add(db, commandline_actor(), name, role, email, password, wall_clock()), as_json)

    @app.command("list")
    def list_users(as_json: AsJson = False) -> None:
        """List all users, disabled ones too."""
        with open_database() as db:
            everybody = users.everybody(db, commandline_actor())
        if as_json:
            typer.echo(json_text({"items": everybody}))
            return
        typer.echo(f"{'NAME':<20} {'ROLE':<8} {'STATE':<9} {'2ND FACTOR':<11} {'LAST SEEN (UTC)':<17} E-MAIL")
        for user in everybody:
            seen = user["last_seen_at"] or "never"
            factor = "yes" if user["second_factor"] else "no"
            typer.echo(f"{_who(user)} {factor:<11} {seen[:16].replace('T', ' '):<17} {user['email']}")

    @app.command()
    def disable(name: Name, as_json: AsJson = False) -> None:
        """Sign a user out everywhere and stop them from signing in."""
        with open_database() as db:
            _show(users.disable(db, commandline_actor(), name, wall_clock()), as_json)

    @app.command()
    def enable(name: Name, as_json: AsJson = False) -> None:
        """Let a disabled user sign in again."""
        with open_database() as db:
            _show(users.enable(db, commandline_actor(), name, wall_clock()), as_json)

    @app.command("reset-password")
    def reset_password(
        name: Name,
        password_stdin: FromStdin = False,
        second_factor: Annotated[bool, typer.Option("--second-factor", help="Remove their second factor too.")] = False,
        reason: Annotated[str, typer.Option(help="Why; kept in the audit log.")] = "",
    ) -> None:
        """Set a new password to change at the next sign-in; signs the user out everywhere and unlocks sign-in."""
        password = _password(from_stdin=password_stdin)
        with open_database() as db:
            users.reset_password(db, commandline_actor(), name, password, wall_clock(), reason=reason)
            if second_factor:
                users.reset_second_factor(db, commandline_actor(), name, wall_clock(), reason=reason)
        typer.echo(f"{name} has a new password and is signed out everywhere.")

    @app.command("set-role")
    def set_role(name: Name, role: Annotated[Role, typer.Argument()], as_json: AsJson = False) -> None:
        """Change a user's role, from their next click on."""
        with open_database() as db:
            _show(users.set_role(db, commandline_actor(), name, role, wall_clock()), as_json)

    @app.command("unlink")
    def unlink(name: Name) -> None:
        """Forget which person at the OpenID provider a user is: the next sign-in there links them anew."""
        with open_database() as db:
            was_linked = identities.unlink(db, commandline_actor(), name, wall_clock())
        typer.echo(f"{name} is no longer linked, and signed out." if was_linked else f"{name} was not linked.")

    return app


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))


def _show(user: User, as_json: bool) -> None:
    typer.echo(json_text(user) if as_json else _line(user))


def _line(user: User) -> str:
    return f"{_who(user)} {user['email']}"


def _who(user: User) -> str:
    state = "active" if user["active"] else "disabled"
    return f"{user['name']:<20} {user['role']:<8} {state:<9}"
