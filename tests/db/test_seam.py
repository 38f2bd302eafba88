"""The database seam: what the app can call, and what it can never touch."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import psutil
import psycopg
import pytest
import structlog

from core import services
from core.db import embedded
from core.db.counted import CountedDatabase
from core.db.deploy import deploy, fingerprint
from core.db.via_psycopg import PsycopgDatabase
from core.errors import Unavailable
from core.settings import load_settings


def test_a_deployed_schema_carries_the_fingerprint_of_its_files(server):
    database = PsycopgDatabase(server.app_conninfo)
    assert database.call("schema_fingerprint")["fingerprint"] == fingerprint()
    database.close()


def test_a_second_deploy_changes_nothing(server):
    again = deploy(server.owner_conninfo)
    assert (again.applied, again.changed) == ((), False)


@pytest.mark.parametrize(
    "breaks",
    [
        "revoke usage on schema payops_api from payops_app",
        "revoke execute on function payops_api.schema_fingerprint from payops_app",
        "drop function payops_api.schema_fingerprint",
        "drop schema payops_api cascade",
    ],
)
def test_revoked_rights_and_dropped_functions_are_restored_by_deploy(server, breaks):
    database = PsycopgDatabase(server.app_conninfo)
    with psycopg.connect(server.owner_conninfo) as owner:
        owner.execute(breaks)
    with pytest.raises(Unavailable, match="payops migrate"):
        database.call("schema_fingerprint")
    deploy(server.owner_conninfo, repair=True)
    assert database.call("schema_fingerprint")["fingerprint"] == fingerprint()
    database.close()


@pytest.mark.skipif("DATABASE_URL" in os.environ, reason="of the embedded server")
def test_a_process_with_another_temporary_folder_finds_the_server_that_runs(server, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert embedded.ensure_running(server.pgdata.parent).socket_dir == server.socket_dir
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("table", ["audit_log", "incidents", "business"])
def test_the_app_can_touch_no_table(server, table):
    with psycopg.connect(server.app_conninfo) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(f"select * from payops.{table}")


def test_the_audit_log_cannot_be_changed_even_by_its_owner(server):
    database = PsycopgDatabase(server.app_conninfo)
    database.call("audit", actor="cli:test", role="admin", action="cli:test:run", subject="x", now=datetime.now(UTC))
    database.close()
    with psycopg.connect(server.owner_conninfo) as connection:
        assert connection.execute("select count(*) from payops.audit_log").fetchone()[0] >= 1
        with pytest.raises(psycopg.errors.RaiseException, match="append_only"):
            connection.execute("delete from payops.audit_log")


def test_a_lost_database_is_unavailable_and_recovers_without_a_restart(prepared):
    with tempfile.TemporaryDirectory(prefix="payops-test-") as folder:
        data_dir = Path(folder)
        prepared.copy_into(data_dir)
        running = embedded.ensure_running(data_dir)
        database = PsycopgDatabase(running.owner_conninfo)
        embedded.stop(data_dir)
        with pytest.raises(Unavailable):
            database.call("schema_fingerprint")
        assert embedded.ensure_running(data_dir) == running
        assert database.call("schema_fingerprint")["fingerprint"] == fingerprint()
        database.close()
        embedded.remove(data_dir)


def test_connections_that_all_broke_while_idle_cost_the_next_caller_nothing(server):
    database = PsycopgDatabase(server.app_conninfo)
    with ThreadPoolExecutor(4) as callers, psycopg.connect(server.owner_conninfo) as owner:
        owner.execute("lock table payops.deployment in access exclusive mode")
        calls = [callers.submit(database.call, "schema_fingerprint") for _ in range(4)]
        while owner.execute("select count(*) from pg_locks where not granted").fetchone() != (4,):
            assert not any(call.done() for call in calls)
        owner.rollback()
    assert database.pool_stats()["pool_size"] >= 4
    time.sleep(0.15)  # idle, and no longer taken as surely open
    with psycopg.connect(server.owner_conninfo, autocommit=True) as owner:
        owner.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'payops_app'")
    assert database.call("schema_fingerprint")["fingerprint"] == fingerprint()
    database.close()


def test_a_prepared_call_goes_on_when_its_function_was_deployed_anew(server):
    database = PsycopgDatabase(server.app_conninfo, max_connections=1, direct=True)
    for _ in range(4):
        database.call("schema_fingerprint")
    with psycopg.connect(server.owner_conninfo) as owner:
        definition = owner.execute("select pg_get_functiondef('payops_api.schema_fingerprint'::regproc)").fetchone()[0]
        owner.execute("drop function payops_api.schema_fingerprint")
        owner.execute(definition)
        owner.execute("revoke all on function payops_api.schema_fingerprint from public")
        owner.execute("grant execute on function payops_api.schema_fingerprint to payops_app")
    assert database.call("schema_fingerprint")["fingerprint"] == fingerprint()
    database.close()


def test_starting_postgres_opens_no_folder_that_was_closed():
    with tempfile.TemporaryDirectory(prefix="payops-test-") as folder:
        data_dir = Path(folder)
        before = os.stat(data_dir).st_mode
        embedded.ensure_running(data_dir)
        assert os.stat(data_dir).st_mode == before
        embedded.remove(data_dir)


def test_two_processes_share_one_server_and_it_outlives_both_killed():
    with tempfile.TemporaryDirectory(prefix="payops-test-") as folder:
        script = (
            "import sys, time; from pathlib import Path; from core.db import embedded;"
            " print(embedded.ensure_running(Path(sys.argv[1])).owner_conninfo, flush=True); time.sleep(60)"
        )
        both = [
            subprocess.Popen([sys.executable, "-c", script, folder], stdout=subprocess.PIPE, text=True) for _ in "ab"
        ]
        found = {process.stdout.readline().strip() for process in both}
        for process in both:
            process.kill()
            process.wait()
        assert len(found) == 1
        with psycopg.connect(found.pop()) as connection:
            assert connection.execute("select 1").fetchone() == (1,)
        embedded.remove(Path(folder))


def test_a_server_that_was_killed_starts_again_with_what_was_committed():
    with tempfile.TemporaryDirectory(prefix="payops-test-") as folder:
        running = embedded.ensure_running(Path(folder))
        with psycopg.connect(running.owner_conninfo) as connection:
            connection.execute("create table kept as select 7 as n")
        pid = int((running.pgdata / "postmaster.pid").read_text().splitlines()[0])
        os.kill(pid, signal.SIGKILL)
        psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], timeout=10)
        again = embedded.ensure_running(Path(folder))
        with psycopg.connect(again.owner_conninfo) as connection:
            assert connection.execute("select n from kept").fetchone() == (7,)
        embedded.remove(Path(folder))


def test_a_server_that_goes_down_while_a_process_starts_costs_it_a_moment(prepared, monkeypatch):
    with tempfile.TemporaryDirectory(prefix="payops-test-") as folder:
        prepared.copy_into(Path(folder))
        deployed = []

        def deploy_after_an_accident(conninfo):
            deployed.append(conninfo)
            if len(deployed) == 1:
                embedded.stop(Path(folder))
            return deploy(conninfo)

        monkeypatch.setattr(services, "deploy", deploy_after_an_accident)
        running = services.start(load_settings({"DATA_DIR": folder}))
        assert len(deployed) == 2
        assert running.db.call("schema_fingerprint")["fingerprint"] == fingerprint()
        running.close()
        embedded.remove(Path(folder))


def test_a_server_that_cannot_start_is_said_after_a_few_tries():
    with tempfile.TemporaryDirectory(prefix="payops-test-") as folder:
        pgdata = embedded.ensure_running(Path(folder)).pgdata
        embedded.stop(Path(folder))
        (pgdata / "global" / "pg_control").unlink()
        with pytest.raises(Unavailable, match="could not open control file|did not start"):
            services.start(load_settings({"DATA_DIR": folder}))
        embedded.remove(Path(folder))


def test_the_log_names_the_call_that_a_database_did_not_take_once_an_outage(database):
    counted = CountedDatabase(database)
    with structlog.testing.capture_logs() as lines:
        for _ in range(2):
            with pytest.raises(Unavailable, match="lacks a function"):
                counted.call("no_such_function")
        counted.call("flags")
    assert [(each["code"], each["function"]) for each in lines] == [("database_not_migrated", "no_such_function")]
