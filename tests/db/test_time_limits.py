"""Whoever waits for the database gets an answer in time: slow statements, locks, full pools, frozen connections."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from core.db.time_limits import TimeLimits
from core.db.via_psycopg import PsycopgDatabase
from core.errors import Unavailable
from tests.db import probes
from tests.freezing_proxy import proxied


def eventually(call: Callable[[], object]) -> None:
    """The call is answered again within a few seconds."""
    for _ in range(20):
        try:
            assert call() is True
            return
        except Unavailable:
            time.sleep(0.1)
    raise AssertionError("the database is not reached again")


SHORT = TimeLimits(connection_seconds=0.4, statement_seconds=0.3, lock_seconds=0.2)
PROBES = """
create or replace function payops_api.probe_sleep(p_seconds double precision) returns jsonb
language plpgsql security definer set search_path = '' as $$
begin perform pg_catalog.pg_sleep(p_seconds); return 'true'; end $$;
create or replace function payops_api.probe_limits() returns jsonb
language sql security definer set search_path = '' as $$
  select jsonb_build_array(current_setting('statement_timeout'), current_setting('lock_timeout')) $$;
create or replace function payops_api.probe_lock() returns jsonb
language plpgsql security definer set search_path = '' as $$
begin lock table payops.incidents in share mode; return 'true'; end $$;
"""


@pytest.fixture(scope="module")
def probed(server) -> Iterator[None]:
    with probes.added(server.owner_conninfo, PROBES):
        yield


@pytest.fixture(params=["direct", "pooled"])
def limited(server, probed, request) -> Iterator[PsycopgDatabase]:
    opened = PsycopgDatabase(server.app_conninfo, max_connections=2, limits=SHORT, direct=request.param == "direct")
    yield opened
    opened.close()


def test_a_slow_statement_is_ended_and_the_connection_goes_on(limited):
    with pytest.raises(Unavailable, match="longer than its time limit") as slow:
        limited.call("probe_sleep", seconds=5)
    assert slow.value.code == "database_too_slow"
    assert limited.call("probe_sleep", seconds=0) is True


def test_a_lock_that_is_not_freed_is_not_waited_for(limited, server):
    with psycopg.connect(server.owner_conninfo) as holder:
        holder.execute("lock table payops.incidents")
        with pytest.raises(Unavailable, match="Another change holds") as blocked:
            limited.call("probe_lock")
    assert blocked.value.code == "database_too_slow"


def test_limits_last_as_long_as_their_transaction_behind_a_pooler(server, probed):
    opened = PsycopgDatabase(server.app_conninfo, max_connections=1, limits=SHORT)
    assert opened.call("probe_limits") == ["300ms", "200ms"]
    with opened._pool.connection() as connection:
        assert connection.execute("show statement_timeout").fetchone() == ("0",)
    opened.close()


def test_an_exhausted_pool_is_reported_in_time(server, probed):
    limits = TimeLimits(connection_seconds=0.2, statement_seconds=60, lock_seconds=1)
    opened = PsycopgDatabase(server.app_conninfo, max_connections=5, limits=limits)
    sleeping = (
        "select count(*) from pg_stat_activity where state = 'active' and query like "
        "'%probe_sleep%' and pid <> pg_backend_pid()"
    )
    with ThreadPoolExecutor(5) as sleepers, psycopg.connect(server.owner_conninfo, autocommit=True) as owner:
        asleep = [sleepers.submit(slept, opened) for _ in range(5)]
        deadline = time.monotonic() + 20
        while owner.execute(sleeping).fetchone() != (5,):
            assert time.monotonic() < deadline, "the five never slept together"
            time.sleep(0.05)
        with pytest.raises(Unavailable):
            opened.call("schema_fingerprint")
        assert not any(one.done() for one in asleep)
    opened.close()


def slept(opened: PsycopgDatabase) -> None:
    """Sleeps three seconds on a connection, however long it takes to get one."""
    while True:
        try:
            opened.call("probe_sleep", seconds=3)
            return
        except Unavailable:
            time.sleep(0.05)


@pytest.mark.parametrize("direct", [True, False])
def test_a_frozen_connection_is_given_up_and_the_next_one_works_once_it_thaws(server, probed, direct):
    with proxied(server.app_conninfo) as proxy:
        opened = PsycopgDatabase(proxy.conninfo, limits=SHORT, surely_open_seconds=0.1, direct=direct)
        assert opened.call("probe_sleep", seconds=0) is True
        proxy.freeze()
        ended = threading.Event()

        def ask() -> None:
            for _ in range(2):
                with pytest.raises(Unavailable):
                    opened.call("probe_sleep", seconds=0)
            ended.set()

        threading.Thread(target=ask, daemon=True).start()
        assert ended.wait(10), "a frozen connection was waited for"
        proxy.thaw()
        eventually(lambda: opened.call("probe_sleep", seconds=0))
        opened.close()


def test_during_an_outage_pages_fail_faster_after_the_first_time():
    limits = TimeLimits(connection_seconds=1, statement_seconds=1, lock_seconds=1, while_away_seconds=0.05)
    nowhere = PsycopgDatabase("host=127.0.0.1 port=1 dbname=none user=none", limits=limits)

    def heard_after() -> float:
        began = time.monotonic()
        with pytest.raises(Unavailable):
            nowhere.call("schema_fingerprint")
        return time.monotonic() - began

    first, second = heard_after(), heard_after()
    nowhere.close()
    assert first > 0.9 > 0.5 > second
