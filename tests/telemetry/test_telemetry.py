"""One request id from HTTP to SQL to Stripe's lines, and traces only where they are asked for."""

import subprocess
import sys
import threading
import time

import psycopg
import pytest
import structlog
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from core import telemetry
from core.db.via_psycopg import PsycopgDatabase
from core.errors import Refused
from core.settings import load_settings


@pytest.fixture
def spans():
    exporter = InMemorySpanExporter()
    telemetry.send_to(SimpleSpanProcessor(exporter), "test")
    yield exporter.get_finished_spans
    telemetry.stop()


@pytest.mark.parametrize("direct", [True, False])
def test_the_server_names_the_request_whose_statement_runs(server, owner, direct):
    database = PsycopgDatabase(server.app_conninfo, direct=direct)
    asking = threading.Thread(target=lambda: _list_users(database))
    with psycopg.connect(server.owner_conninfo) as locking:
        locking.execute("lock table payops.staff in access exclusive mode")
        asking.start()
        deadline, names = time.monotonic() + 10, []
        while not names and time.monotonic() < deadline:
            names = owner.execute(
                "select application_name from pg_stat_activity"
                " where wait_event_type = 'Lock' and query like '%list_users%'"
            ).fetchall()
        locking.rollback()
    asking.join(10)
    assert names == [("payops req-7",)]
    database.call("list_users", now=None, idle_seconds=1)
    left = owner.execute("select count(*) from pg_stat_activity where application_name like '%req-7%'").fetchone()
    database.close()
    assert left == (0,)


def _list_users(database):
    with telemetry.request("req-7"):
        database.call("list_users", now=None, idle_seconds=1)


def test_lines_logged_for_a_request_carry_its_id_and_others_none():
    with telemetry.request("req-8"):
        assert structlog.contextvars.get_contextvars()["request_id"] == "req-8"
        assert telemetry.request_id() == "req-8"
    assert "request_id" not in structlog.contextvars.get_contextvars()
    assert telemetry.request_id() is None


def test_spans_of_a_request_are_one_trace_in_that_of_its_caller(spans, database, owner):
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with telemetry.request("req-9"), telemetry.span("HTTP GET", {"traceparent": parent}):
        database.call("list_users", now=None, idle_seconds=1)
    inner, outer = spans()
    assert (inner.name, outer.name) == ("list_users", "HTTP GET")
    assert inner.parent.span_id == outer.context.span_id
    assert f"{outer.context.trace_id:032x}" == parent.split("-")[1]
    assert {each.attributes["payops.request_id"] for each in (inner, outer)} == {"req-9"}


def test_a_failed_span_says_the_kind_of_error_and_nothing_of_its_text(spans):
    with pytest.raises(Refused), telemetry.span("stripe post refunds"):
        raise Refused("x", "ana@example.org paid too much")
    (failed,) = spans()
    assert failed.status.description == "Refused" and not failed.events
    assert "ana" not in failed.to_json()


def test_without_the_variables_no_trace_is_made_and_nothing_is_loaded():
    script = """
import sys
from core import telemetry
from core.settings import load_settings
telemetry.configure(load_settings({}, env_file=None), "api")
with telemetry.span("x") as made:
    assert made is None
assert not [name for name in sys.modules if name.startswith("opentelemetry.sdk")]
"""
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize(
    ("given", "is_on"),
    [
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, True),
        ({"OTEL_TRACES_EXPORTER": "console"}, True),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, False),
        ({"OTEL_SDK_DISABLED": "true", "OTEL_TRACES_EXPORTER": "console"}, False),
        ({}, False),
    ],
)
def test_the_standard_variables_decide(given, is_on, monkeypatch):
    handed = []
    monkeypatch.setattr(telemetry, "send_to", lambda processor, service: handed.append(service))
    telemetry.configure(load_settings(given, env_file=None), "api")
    assert handed == (["api"] if is_on else [])
