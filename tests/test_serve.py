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
import psycopg
import pytest

from core.db import embedded
from core.db.via_psycopg import PsycopgDatabase
from core.monitoring import metrics
from core.periods import Period, wall_clock
from core.processes import history_is_loading, only_server
from core.providers import assignment, directory
from core.sandbox import process as sandbox
from core.settings import load_settings

# The first start is half a minute of work, and more where a machine does other work too.
pytestmark = pytest.mark.timeout(600)


def hurry(folder):
    """Let customers come faster than the business's own rhythm, one about every second."""
    address = json.loads((folder / "sandbox-address.json").read_text())["base_url"]
    assert httpx.post(f"{address}/sandbox/traffic", json={"per_minute": 60}).status_code == 200


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


def test_serve_prints_the_address_and_who_may_sign_in(served):
    folder, console, api, running, said = served
    passwords = json.loads((folder / "demo-users.json").read_text())
    assert set(passwords) == {"ops", "support", "finance", "admin"}
    assert all(password in said for password in passwords.values())
    assert f"localhost:{console}" in said
    assert httpx.get(f"http://127.0.0.1:{api}/readyz").status_code == 200
    assert httpx.get(f"http://127.0.0.1:{console}/").status_code == 200


def test_the_console_is_usable_before_the_history_is_loaded(served):
    *_, said = served
    assert said.index("sign in as") < said.index("18 months of history")


def test_child_processes_read_the_settings_of_the_start_folder(served):
    folder, *_ = served
    started = json.loads((folder / "serve.json").read_text())["processes"]
    assert {Path(psutil.Process(one["pid"]).cwd()) for one in started.values()} == {folder.resolve()}
    assert not history_is_loading(folder)


def test_the_whole_history_is_loaded_and_live_events_change_the_figures(served):
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
    hurry(folder)
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
    hurry(folder)
    deadline = time.monotonic() + 90
    while not (here := assignment.consultations(database, wall_clock(), status="assigned")):
        assert time.monotonic() < deadline, "no patient came within a minute and a half"
        time.sleep(0.5)
    assert here[0]["provider_name"].startswith("Dr.")
    database.close()


def until(true, seconds, said):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, said
        time.sleep(0.1)


def answers(url):
    try:
        return httpx.get(url).status_code == 200
    except httpx.HTTPError:
        return False


def test_an_api_that_is_killed_is_restarted(served):
    folder, console, api, running, said = served
    (listening,) = (child for child in psutil.Process(running.pid).children() if "core.api.app:app" in child.cmdline())
    listening.kill()
    until(lambda: answers(f"http://127.0.0.1:{api}/livez"), 30, "the API did not come back")


def test_a_postgres_that_is_killed_is_restarted_and_everything_goes_on(served):
    folder, console, api, running, said = served
    postmaster = embedded._place(folder) / "postgres" / "postmaster.pid"
    before = int(postmaster.read_text().split()[0])
    os.kill(before, signal.SIGKILL)

    def another_one_serves():
        noted = postmaster.read_text().split() if postmaster.exists() else []
        return noted and int(noted[0]) != before and answers(f"http://127.0.0.1:{api}/readyz")

    until(another_one_serves, 30, "Postgres did not come back")


def test_a_sandbox_that_is_killed_is_restarted_and_its_live_traffic_goes_on(served):
    folder, console, api, running, said = served
    address = json.loads((folder / "sandbox-address.json").read_text())
    os.kill(address["pid"], signal.SIGKILL)

    def replaced():
        noted = json.loads((folder / "sandbox-address.json").read_text())
        return noted["pid"] != address["pid"] and answers(f"{noted['base_url']}/sandbox/health")

    until(replaced, 30, "the sandbox did not come back")
    with psycopg.connect(embedded.ensure_running(folder).owner_conninfo, autocommit=True) as owner:

        def events():
            return owner.execute("select count(*) from payops.events").fetchone()[0]

        before = events()
        hurry(folder)
        until(lambda: events() > before, 60, "no live event came after the restart")


def test_the_files_of_the_data_folder_are_private(served):
    folder, *_ = served
    others_may = [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if not path.is_symlink() and path.is_file() and path.stat().st_mode & 0o077
    ]
    assert others_may == []


def serve_again(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-c", "from core.cli import app; app()", "serve", *arguments],
        env={"DATA_DIR": str(folder), "PATH": os.environ["PATH"], "PYTHONPATH": ":".join(sys.path)},
        cwd=folder,
        capture_output=True,
        text=True,
    )


def test_a_second_one_on_the_same_folder_is_refused_with_the_addresses_and_the_process_of_the_first(served):
    folder, console, api, running, said = served
    second = serve_again(folder, "--console-port", str(free_port()), "--api-port", str(free_port()))
    assert second.returncode == 1
    for words in ("already serves", f"http://localhost:{console}", f"http://localhost:{api}", f"process {running.pid}"):
        assert words in second.stderr


def test_a_port_that_is_taken_is_named(served, tmp_path):
    folder, console, api, running, said = served
    second = serve_again(tmp_path, "--console-port", str(console))
    assert second.returncode == 1
    assert f"Port {console} is taken" in second.stderr


def test_orphans_of_a_killed_parent_are_ended_by_the_next_start(tmp_path):
    left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    started = psutil.Process(left.pid).create_time()
    stranger = {"pid": os.getpid(), "started": 1.0}  # a process id that somebody else has by now
    noted = {"processes": {"api": {"pid": left.pid, "started": started}, "worker": stranger}}
    (tmp_path / "serve.json").write_text(json.dumps(noted))
    with only_server(tmp_path, console="http://localhost:1", api="http://localhost:2") as record:
        assert not psutil.pid_exists(left.pid)
        record.write({"api": os.getpid()})
        assert json.loads((tmp_path / "serve.json").read_text())["processes"]["serve"]["pid"] == os.getpid()
    assert (tmp_path / "serve.json").read_text() == ""


def test_ctrl_c_ends_every_process(served):
    folder, console, api, running, said = served
    family = [running.pid, *(child.pid for child in psutil.Process(running.pid).children(recursive=True))]
    address = json.loads((folder / "sandbox-address.json").read_text())
    running.send_signal(signal.SIGINT)
    assert running.wait(40) == 0
    assert not [pid for pid in [*family[1:], address["pid"]] if psutil.pid_exists(pid)]
    assert not list(embedded._place(folder).glob("postgres/postmaster.pid"))
