"""The business timezone: the database owns it, a process with another does not start, a change recounts all days."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import httpx
import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from starlette.applications import Starlette
from starlette.routing import Route
from typer.testing import CliRunner

from core import services
from core.api import health
from core.cli import app
from core.db import embedded, timezone
from core.errors import Refused
from core.events import inbox
from core.monitoring import metrics
from core.periods import Period
from core.settings import SettingsError, load_settings
from tests.factories import body_of, charge, event, intent
from tests.loops import run_apart

NAME = "payops_zones"
NOW = datetime(2026, 7, 20, tzinfo=UTC)
EVENING = int(datetime(2026, 7, 9, 19, tzinfo=UTC).timestamp())  # half past midnight in Kolkata


@pytest.fixture
def fresh(server, tmp_path, monkeypatch):
    """Another Postgres than the embedded one, as its owner reaches it; answers the settings with a zone of its own."""
    with psycopg.connect(server.owner_conninfo, autocommit=True) as admin:
        admin.execute(f"drop database if exists {NAME} with (force)")
        admin.execute(f"create database {NAME}")
        address = make_conninfo(server.owner_conninfo, dbname=NAME)

        def with_zone(zone):
            for name, value in {"DATABASE_URL": address, "DATA_DIR": str(tmp_path), "BUSINESS_TIMEZONE": zone}.items():
                monkeypatch.setenv(name, value)
            return load_settings(env_file=None)

        yield with_zone
        admin.execute(f"drop database if exists {NAME} with (force)")


def probe(probed):
    async def ask():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(probed), base_url="http://localhost") as http:
            return await http.get("/readyz")

    return run_apart(ask())


def command(*arguments):
    return CliRunner().invoke(app, arguments)


def paid_in_the_evening(db):
    told = [
        event("evt_1", "payment_intent.succeeded", intent(created=EVENING, status="succeeded"), at=EVENING),
        event("evt_2", "charge.succeeded", charge(created=EVENING), at=EVENING),
    ]
    assert inbox.receive(db, [inbox.prepare(each, body_of(each), livemode=False) for each in told], now=NOW) == [
        "applied",
        "applied",
    ]


def payments_on(db, day, zone):
    found = metrics.overview(
        db, Period(date(2026, 7, day), date(2026, 7, day), ZoneInfo(zone)), currency="usd", now=NOW
    )
    return found["metrics"]["payment_success_rate"]["numerator"]


def test_another_postgres_counts_its_days_in_the_settings_zone_until_it_is_told_another(fresh):
    kolkata = fresh("Asia/Kolkata")
    assert command("migrate").exit_code == 0
    running = services.start(kolkata)
    paid_in_the_evening(running.db)
    assert [payments_on(running.db, day, "Asia/Kolkata") for day in (9, 10)] == [0, 1]

    new_york = fresh("America/New_York")
    for refused in (command("migrate"), command("metrics", "--since", "2026-07-09", "--until", "2026-07-09")):
        assert refused.exit_code == 2
        assert "BUSINESS_TIMEZONE is America/New_York" in refused.output
        assert "counts its days in Asia/Kolkata" in refused.output
        assert "payops migrate --timezone America/New_York" in refused.output
    with pytest.raises(Refused, match="counts its days in Asia/Kolkata"):
        services.start(new_york)

    changed = command("migrate", "--timezone", "America/New_York")
    assert changed.exit_code == 0, changed.output
    running.close()
    running = services.start(new_york)
    assert [payments_on(running.db, day, "America/New_York") for day in (9, 10)] == [1, 0]
    with psycopg.connect(new_york.database_url.get_secret_value()) as owner:
        audited = owner.execute(
            "select before ->> 'timezone', after ->> 'timezone' from payops.audit_log where "
            "action like '%timezone%' order by id"
        ).fetchall()
        assert owner.execute("select count(*) from payops.stale_payments").fetchone() == (0,)
    assert audited == [("America/New_York", "Asia/Kolkata"), ("Asia/Kolkata", "America/New_York")]
    running.close()


def test_a_process_that_runs_while_the_zone_changes_is_no_longer_ready(fresh):
    kolkata = fresh("Asia/Kolkata")
    assert command("migrate").exit_code == 0
    running = services.start(kolkata)
    probed = Starlette(routes=[Route("/readyz", health.readyz)])
    probed.state.services = running
    probed.state.health_db = running.db
    assert probe(probed).status_code == 200
    assert command("migrate", "--timezone", "Europe/London").exit_code == 0
    answer = probe(probed)
    assert answer.status_code == 503
    (check,) = (each for each in answer.json()["checks"] if each["name"] == "time zone")
    assert check["state"] == "failed"
    assert "BUSINESS_TIMEZONE is Asia/Kolkata, but this database counts its days in Europe/London." in check["detail"]
    assert command("api", "--port", "1").exit_code == 2
    running.close()


def test_a_zone_other_than_the_setting_is_chosen_with_a_word_about_the_setting(fresh):
    fresh("America/New_York")
    said = command("migrate", "--timezone", "Asia/Kolkata")
    assert said.exit_code == 0
    assert "Set BUSINESS_TIMEZONE=Asia/Kolkata" in said.output
    assert command("migrate").exit_code == 2


def test_a_zone_whose_rules_differ_is_refused_with_both_times(server, database):
    if not isinstance(server, embedded.EmbeddedServer):
        pytest.skip("which zones differ depends on the Postgres")
    with pytest.raises(Refused) as refused:
        timezone.require_same_rules(database, "America/Winnipeg", datetime(2026, 11, 27, tzinfo=UTC))
    assert refused.value.code == "time_zones_differ"
    assert "America/Winnipeg: at 2026-11-01 07:00 UTC it is 02:00 for Python (tzdata 2026." in refused.value.detail
    assert "and 01:00 for Postgres" in refused.value.detail


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "UTC", "Europe/London"])
def test_zones_of_the_same_rules_are_not_refused(database, zone):
    timezone.require_same_rules(database, zone, datetime(2026, 11, 27, tzinfo=UTC))


def test_python_knows_the_rules_of_the_pinned_package():
    winter = datetime(2026, 12, 15, 12, tzinfo=UTC).astimezone(ZoneInfo("America/Vancouver"))
    assert winter.utcoffset() == timedelta(hours=-7)  # British Columbia keeps its summer time from 2026 on


@pytest.mark.parametrize(
    ("zone", "named"),
    [
        ("localtime", "localtime"),
        ("posixrules", "posixrules"),
        ("Factory", "factory"),
        ("right/America/New_York", "right/"),
        ("posix/Europe/Paris", "posix/"),
        ("/etc/localtime", "is not the name"),
        ("../UTC", "is not the name"),
        ("America/", "is not the name"),
        ("America", "is not the name"),
        ("EST5EDT4", "is not the name"),
        ("+05:30", "is not the name"),
        ("New York", "is not the name"),
    ],
)
def test_an_alias_or_abbreviation_is_refused_as_a_time_zone(zone, named, tmp_path):
    with pytest.raises(SettingsError) as refused:
        load_settings({"BUSINESS_TIMEZONE": zone, "DATA_DIR": str(tmp_path)}, env_file=None)
    assert "BUSINESS_TIMEZONE" in str(refused.value)
    assert named in str(refused.value)
    assert "America/New_York" in str(refused.value)
    assert command("migrate", "--timezone", zone).exit_code == 2


# The order in which a transaction takes several of the locks under which figures are counted.
IN_ORDER = [
    "reconcile",
    "recount balances",
    "recount revenue",
    "subscription history",
    "count observations",
    "count recovery",
    "recount payments",
]
EVERYTHING_IS_STALE = """
insert into payops.stale_balance_days (day) values ('2026-07-01');
insert into payops.stale_revenue_days (day) values ('2026-07-01');
insert into payops.stale_subscriptions (kind, object_id) values ('subscription', 'sub_1');
insert into payops.observation_changes (minute, measure, observations) values ('2026-07-01 12:00Z', 'events', 1);
insert into payops.stale_recovery (invoice_id) values ('in_1');
insert into payops.stale_payments (payment_intent_id) values ('pi_1')
"""
CHANGE = "select payops_api.choose_business_timezone('Asia/Kolkata', 'cli:migrate', 'admin', now())"


@pytest.mark.parametrize(
    ("statement", "locks"),
    [
        (CHANGE, IN_ORDER),
        ("select payops_api.recount_stale()", IN_ORDER[1:]),
        ("select payops.refresh_figures()", [lock for lock in IN_ORDER[1:] if lock != "recount revenue"]),
    ],
    ids=["a change of the zone", "the worker", "a page"],
)
def test_whoever_counts_waits_for_others_and_never_holds_what_they_will_want(server, owner, statement, locks):
    """A change of the zone waits for every counting, which would go on in the old zone. All wait in the same order, so
    that no two wait for each other.
    """
    owner.execute(EVERYTHING_IS_STALE)
    for place, lock in enumerate(locks):
        with psycopg.connect(server.owner_conninfo) as other, psycopg.connect(server.owner_conninfo) as counting:
            other.execute("select pg_advisory_xact_lock(payops.advisory_lock(%s))", (lock,))
            with ThreadPoolExecutor() as threads:
                counted = threads.submit(counting.execute, statement)
                try:
                    await_lock(owner, counting)
                    for later in locks[place + 1 :]:
                        taken = other.execute("select pg_try_advisory_xact_lock(payops.advisory_lock(%s))", (later,))
                        assert taken.fetchone() == (True,), f"waits for {lock!r} and holds {later!r}"
                finally:
                    other.rollback()
                counted.result(30)
            counting.rollback()


def await_lock(owner, connection):
    """Until this connection waits for an advisory lock."""
    waits = "select exists (select from pg_locks where pid = %s and locktype = 'advisory' and not granted)"
    deadline = time.monotonic() + 20
    while not owner.execute(waits, (connection.info.backend_pid,)).fetchone()[0]:
        assert time.monotonic() < deadline, "it does not wait"
        time.sleep(0.02)
