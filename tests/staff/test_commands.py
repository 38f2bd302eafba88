"""`payops users` on a real database."""

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from core.errors import Refused
from core.staff.commands import users_app
from core.staff.sessions import Sessions, Visit

PASSWORD = "a tram full of lemons"


@pytest.fixture
def payops_users(database, owner):
    @contextmanager
    def opened():
        yield database

    app = users_app(opened)
    return lambda *arguments, stdin=None: CliRunner().invoke(app, arguments, input=stdin)


@pytest.fixture
def added(payops_users):
    def add(name, role="ops"):
        return payops_users(
            "add", name, "--role", role, "--email", f"{name}@example.com", "--password-stdin", stdin=PASSWORD + "\n"
        )

    return add


def test_an_added_user_signs_in_with_the_piped_password(database, added, payops_users):
    assert added("ana", "finance").exit_code == 0
    (ana,) = json.loads(payops_users("list", "--json").stdout)["items"]
    assert (ana["name"], ana["role"], ana["active"], ana["must_change_password"]) == ("ana", "finance", True, True)
    assert Sessions(database, b"k" * 32, timedelta(hours=1)).sign_in("ana", PASSWORD, Visit("x", "y"))


def test_a_password_is_asked_for_twice_and_never_shown(payops_users):
    told = payops_users("add", "ben", "--role", "ops", "--email", "b@example.com", stdin=f"{PASSWORD}\n{PASSWORD}\n")
    assert told.exit_code == 0
    assert PASSWORD not in told.output
    different = payops_users("add", "eve", "--role", "ops", "--email", "e@example.com", stdin=f"{PASSWORD}\nx\n")
    assert different.exit_code == 1


def test_roles_states_and_passwords_change_and_name_who_changed_them(added, payops_users, owner):
    added("root", "admin")
    added("ana")
    assert json.loads(payops_users("set-role", "ana", "support", "--json").stdout)["role"] == "support"
    assert "disabled" in payops_users("disable", "ana").stdout
    assert "active" in payops_users("enable", "ana").stdout
    assert payops_users("reset-password", "ana", "--password-stdin", stdin="another tram of limes").exit_code == 0
    actors = owner.execute("select distinct split_part(actor, ':', 1) from payops.audit_log").fetchall()
    assert actors == [("cli",)]


def test_a_refusal_is_printed(added, payops_users):
    added("root", "admin")
    assert isinstance(payops_users("disable", "root").exception, Refused)
    assert payops_users("set-role", "root", "emperor").exit_code == 2


def test_a_command_that_was_refused_is_in_the_audit_log(server, added, owner, tmp_path):
    added("root", "admin")
    ran = subprocess.run(
        [sys.executable, "-c", "from core.cli import app; app()", "users", "disable", "root"],
        env={"DATABASE_URL": server.app_conninfo, "DATA_DIR": str(tmp_path), "PATH": os.environ["PATH"]},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert (ran.returncode, ran.stderr.strip()) == (
        1,
        "This is the last active admin. Make somebody else an admin first.",
    )
    refused = (
        "select action, subject, after ->> 'code', split_part(actor, ':', 1) from "
        "payops.audit_log where outcome = 'refused'"
    )
    assert owner.execute(refused).fetchall() == [("cli:command:tried", "command:users disable", "last_admin", "cli")]
