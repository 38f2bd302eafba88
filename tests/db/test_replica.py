"""The console's reads go to a replica that keeps up, and to the primary after a change or where it does not."""

import pytest

from core.db import replica
from core.db.replica import ReplicaReads
from core.errors import Unavailable


class Asked:
    """A database that notes what it is asked."""

    def __init__(self, lag: float | None = None):
        self.lag, self.away, self.calls = lag, False, []

    def call(self, function, /, **arguments):
        if self.away:
            raise Unavailable("database_unavailable", "The database did not answer.")
        if function == "replication_lag":
            return self.lag
        self.calls.append(function)
        return function

    def close(self):
        pass


@pytest.fixture(autouse=True)
def asked_each_time(monkeypatch):
    monkeypatch.setattr(replica, "ASKED_AGAIN_SECONDS", 0.0)
    monkeypatch.setattr(replica, "AWAY_SECONDS", 0.0)


def test_reads_go_to_the_replica_and_everything_else_to_the_primary():
    primary, standby = Asked(), Asked(lag=1.5)
    db = ReplicaReads(primary, lambda: standby)
    for function in ("session_user", "overview", "find_payments", "payment_life"):
        assert db.call(function) == function
    assert (primary.calls, standby.calls) == (["session_user", "payment_life"], ["overview", "find_payments"])


def test_a_read_after_a_change_uses_the_primary(monkeypatch):
    primary, standby = Asked(), Asked(lag=0)
    db = ReplicaReads(primary, lambda: standby)
    db.call("begin_refund")
    db.call("list_refunds")
    assert standby.calls == []
    monkeypatch.setattr(replica, "FOLLOWS_SECONDS", 0.0)
    db.call("list_refunds")
    assert standby.calls == ["list_refunds"]


def test_a_read_that_stays_on_the_primary_is_no_change():
    primary, standby = Asked(), Asked(lag=0)
    db = ReplicaReads(primary, lambda: standby)
    for function in ("payment_life", "count_audit", "user_choice", "reconciliation", "overview"):
        db.call(function)
    assert standby.calls == ["overview"]


def test_reads_are_declared_by_the_database(database, owner):
    declared = owner.execute(
        "select proname, provolatile = 's' from pg_proc where pronamespace = 'payops_api'::regnamespace"
    ).fetchall()
    written = {name for name, stable in declared if not stable and replica.only_reads(name)}
    assert {name for name, stable in declared if stable and not replica.only_reads(name)} == set()
    assert all(name.startswith(replica.HARMLESS) for name in written)


@pytest.mark.parametrize("lag", [None, 31.0])
def test_a_replica_that_is_far_behind_or_no_replica_is_not_read(lag):
    primary, standby = Asked(), Asked(lag=lag)
    db = ReplicaReads(primary, lambda: standby)
    db.call("overview")
    assert (primary.calls, standby.calls) == (["overview"], [])


def test_a_lost_replica_costs_no_answer_and_is_used_again_when_it_is_back():
    primary, standby = Asked(), Asked(lag=0)
    db = ReplicaReads(primary, lambda: standby)
    standby.away = True
    assert db.call("overview") == "overview" and db.lag_seconds() is None
    standby.away = False
    assert db.call("overview") == "overview" and db.lag_seconds() == 0
    assert (primary.calls, standby.calls) == (["overview"], ["overview"])


def test_a_replica_that_is_away_is_left_alone_for_a_while(monkeypatch):
    """Each try would hold up the page that makes it."""
    monkeypatch.setattr(replica, "AWAY_SECONDS", 30.0)
    primary, standby, opened = Asked(), Asked(lag=0), []
    db = ReplicaReads(primary, lambda: opened.append(1) or standby)
    db.call("overview")
    standby.away = True
    assert db.call("overview") == "overview"
    standby.away = False
    db.call("overview")
    assert (primary.calls, standby.calls, opened) == (["overview", "overview"], ["overview"], [1])
