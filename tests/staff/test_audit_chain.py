"""The audit log's hash chain: complete, and any later change is detected."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from core.staff.audit import record
from core.staff.audit_chain import chain_audit_log
from core.staff.roles import SYSTEM

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
INSERT = "insert into payops.audit_log (at, actor, action, subject) values (%s, 'test', 'a', %s)"


@pytest.fixture
def entries(database, owner):
    def add(number):
        for each in range(number):
            record(database, SYSTEM, "test:thing:done", f"thing:{each}", NOW, after={"n": each, "what": "é"})

    return add


def breaks(owner):
    return [title for (title,) in owner.execute("select title from payops.incidents order by title").fetchall()]


def tamper(owner, statement):
    owner.execute("set session_replication_role = replica")
    owner.execute(statement)
    owner.execute("set session_replication_role = origin")


def test_entries_are_chained_once_and_verify(database, owner, entries):
    entries(5)
    assert chain_audit_log(database, NOW).entries == 5
    entries(2)
    assert chain_audit_log(database, NOW).entries == 2
    again = chain_audit_log(database, NOW)
    assert (again.entries, again.breaks, breaks(owner)) == (0, 0, [])
    assert database.call("audit_chain_state")["length"] == 7


def test_an_entry_committed_after_one_with_a_higher_id_comes_into_the_chain(server, database, owner):
    with psycopg.connect(server.owner_conninfo) as slow:
        slow.execute(INSERT, (NOW, "slow"))
        owner.execute(INSERT, (NOW, "quick"))
        assert chain_audit_log(database, NOW).entries == 1
    assert chain_audit_log(database, NOW + timedelta(minutes=10)).entries == 1
    chained = owner.execute(
        "select subject from payops.audit_chain join payops.audit_log on id = audit_id order by position"
    ).fetchall()
    assert chained == [("quick",), ("slow",)]
    assert chain_audit_log(database, NOW).breaks == 0


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("update payops.audit_log set actor = 'nobody' where subject = 'thing:1'", "an entry was changed"),
        ("""update payops.audit_log set after = '{"n": 9}' where subject = 'thing:3'""", "an entry was changed"),
        ("delete from payops.audit_log where subject = 'thing:2'", "an entry was removed"),
        ("delete from payops.audit_chain where position = 2", "links of its chain were removed"),
        (
            "delete from payops.audit_chain where position = 4; delete from payops.audit_log where subject = 'thing:3'",
            "the end of its chain was removed",
        ),
        ("update payops.audit_chain set hash = '\\x00' where position = 4", "an entry was changed"),
    ],
)
def test_changed_or_removed_entries_are_detected(database, owner, entries, statement, told):
    entries(4)
    chain_audit_log(database, NOW)
    tamper(owner, statement)
    assert chain_audit_log(database, NOW).breaks >= 1
    assert f"The audit log has been altered: {told}." in breaks(owner)
    assert database.call("audit_chain_state")["open_breaks"] >= 1


def test_an_entry_inserted_among_old_ones_is_detected(database, owner, entries):
    entries(1)
    owner.execute("select setval(pg_get_serial_sequence('payops.audit_log', 'id'), max(id) + 1) from payops.audit_log")
    entries(1)
    chain_audit_log(database, NOW)
    tamper(
        owner,
        "insert into payops.audit_log (id, at, actor, action, subject) overriding system value"
        " select max(id) - 1, now(), 'x', 'x', 'x' from payops.audit_log",
    )
    assert chain_audit_log(database, NOW + timedelta(hours=2)).breaks == 1
    assert breaks(owner) == ["The audit log has been altered: an entry is missing from its chain."]


def test_a_long_log_is_verified_part_by_part(database, owner, entries):
    entries(7)
    database.call("extend_audit_chain", now=NOW)
    tamper(owner, "update payops.audit_log set reason = 'x' where subject = 'thing:5'")
    found = [database.call("verify_audit_chain", now=NOW, limit=3) for _ in range(3)]
    assert [part["verified"] for part in found] == [3, 6, 7]
    assert [part["breaks"] for part in found] == [0, 1, 0]


def test_several_workers_at_once_make_one_chain(database, owner, entries):
    entries(50)
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: chain_audit_log(database, NOW), range(8)))
    assert sum(each.entries for each in done) == 50
    assert breaks(owner) == []


def test_the_chain_is_append_only_for_its_owner_too(database, owner, entries):
    entries(1)
    chain_audit_log(database, NOW)
    for statement in ("delete from payops.audit_chain", "update payops.audit_chain set position = 9"):
        with pytest.raises(psycopg.errors.RaiseException, match="append_only"):
            owner.execute(statement)
