"""`payops serve`, from nothing to a console with history, and to an end that leaves nothing running."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import psutil
import pytest

from core.db import embedded
from core.db.via_psycopg import PsycopgDatabase
from core.monitoring import metrics
from core.periods import Period, wall_clock
from core.providers import assignment, directory
from core.sandbox import process as sandbox
from core.settings import load_settings

# The first start is half a minute of work, and more where a machine does other work too.
pytestmark = pytest.mark.timeout(600)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


@pytest.fixture(scope="module")
def served():
    with tempfile.TemporaryDirectory(prefix="payops-test-") as folder:
        console, api = free_port(), free_port()
        command = [sys.executable, "-c", "from core.cli import app; app()", "serve"]
        running = subprocess.Popen(
            [*command, "--console-port", str(console), "--api-port", str(api)],
            env={"DATA_DIR": folder, "PATH": os.environ["PATH"], "PYTHONPATH": ":".join(sys.path)},
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        said = []
        for line in running.stdout:
            said.append(line)
            if "Ctrl-C" in line:
                break
        yield Path(folder), console, api, running, "".join(said)
        if running.poll() is None:
            running.send_signal(signal.SIGINT)
            running.wait(30)
        sandbox.stop(Path(folder))
        embedded.remove(Path(folder))


def test_it_says_where_it_is_and_who_may_sign_in(served):
    folder, console, api, running, said = served
    passwords = json.loads((folder / "demo-users.json").read_text())
    assert set(passwords) == {"ops", "support", "finance", "admin"}
    assert all(password in said for password in passwords.values())
    assert f"localhost:{console}" in said
    assert httpx.get(f"http://127.0.0.1:{api}/readyz").status_code == 200
    assert httpx.get(f"http://127.0.0.1:{console}/").status_code == 200


def test_all_the_history_is_there_and_live_events_move_the_figures(served):
    folder, *_ = served
    settings = load_settings({}, env_file=None)
    database = PsycopgDatabase(embedded.ensure_running(folder).app_conninfo)

    def payments(days):
        now = wall_clock()
        period = Period.last_days(days, now=now, zone=settings.business_zone)
        found = metrics.overview(database, period, currency="usd", now=now)["metrics"]
        return found["payment_success_rate"]["denominator"]

    assert payments(550) > 20_000
    at_first = payments(2)
    deadline = time.monotonic() + 60
    while payments(2) == at_first:
        assert time.monotonic() < deadline, "no live payment came within a minute"
        time.sleep(0.2)
    database.close()


def test_there_is_a_directory_and_patients_who_paid_get_their_provider_as_they_come(served):
    folder, *_ = served
    database = PsycopgDatabase(embedded.ensure_running(folder).app_conninfo)
    assert len(directory.everybody(database)) > 40
    past = assignment.consultations(database, wall_clock(), status="completed", limit=1000)
    assert len(past) > 100
    deadline = time.monotonic() + 90
    while not (here := assignment.consultations(database, wall_clock(), status="assigned")):
        assert time.monotonic() < deadline, "no patient came within a minute and a half"
        time.sleep(0.5)
    assert here[0]["provider_name"].startswith("Dr.")
    database.close()


def test_an_api_that_is_killed_is_started_again(served):
    folder, console, api, running, said = served
    (listening,) = (child for child in psutil.Process(running.pid).children() if "core.api.app:app" in child.cmdline())
    listening.kill()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"http://127.0.0.1:{api}/livez").status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise AssertionError("the API did not come back")


def test_a_second_one_says_that_the_port_is_taken(served):
    folder, console, api, running, said = served
    second = subprocess.run(
        [sys.executable, "-c", "from core.cli import app; app()", "serve", "--console-port", str(console)],
        env={"DATA_DIR": str(folder), "PATH": os.environ["PATH"], "PYTHONPATH": ":".join(sys.path)},
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert second.returncode == 1
    assert f"Port {console} is taken" in second.stderr


def test_ctrl_c_ends_all_of_it(served):
    folder, console, api, running, said = served
    family = [running.pid, *(child.pid for child in psutil.Process(running.pid).children(recursive=True))]
    address = json.loads((folder / "sandbox-address.json").read_text())
    running.send_signal(signal.SIGINT)
    assert running.wait(40) == 0
    assert not [pid for pid in [*family[1:], address["pid"]] if psutil.pid_exists(pid)]
    assert not list(embedded._place(folder).glob("postgres/postmaster.pid"))
