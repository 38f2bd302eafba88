"""Large exports: made in the background, stopped at a word, for their maker alone and for an hour."""

import stat
import threading
import time
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from core.errors import Unauthorised
from core.exports.table import Column, Stamp, Table
from core.staff.roles import Actor, Role
from core.ui.export_jobs import KEPT_SECONDS, Export, Exports, Wanted

ANA = Actor("staff:ana", Role.FINANCE)
STAMP = Stamp(datetime(2026, 11, 24, tzinfo=UTC), "staff:ana", ZoneInfo("America/New_York"))


@pytest.fixture
def exports(tmp_path) -> Exports:
    return Exports(tmp_path / "exports")


def wanted(batches, *, acting=lambda: ANA, count=None) -> Wanted:
    described = Table("payments", "Payments", (Column("id", "Payment"),), batches, count)
    return Wanted("payments", "csv", lambda _: described, acting, lambda _: STAMP)


def finished(export: Export) -> Export:
    for _ in range(500):
        if not export.running:
            return export
        time.sleep(0.01)
    raise AssertionError(export.state)


def test_a_finished_export_is_available_only_to_its_maker_and_audited(exports, database, owner):
    export = finished(exports.start(database, wanted(lambda: iter([[{"id": "pi_1"}], [{"id": "pi_2"}]]))))
    assert (export.state, export.rows, export.bytes) == ("ready", 2, export.path.stat().st_size)
    assert export.path.read_text("utf-8-sig").splitlines() == ["Payment", "pi_1", "pi_2"]
    assert stat.S_IMODE(export.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(export.path.parent.stat().st_mode) == 0o700
    assert exports.ready("ana", export.id) is export
    assert exports.ready("ben", export.id) is None
    assert exports.of("ana", "payments") is export
    assert exports.of("ben", "payments") is None
    recorded = owner.execute("select actor, action, subject, after from payops.audit_log").fetchall()
    assert recorded == [("staff:ana", "exports:file:made", "table:payments", {"format": "csv", "rows": 2})]


def test_a_canceled_export_stops_at_the_next_page_and_leaves_no_file(exports, database, owner, tmp_path):
    reading, go_on = threading.Event(), threading.Event()

    def batches():
        yield [{"id": "pi_1"}]
        reading.set()
        go_on.wait(5)
        yield [{"id": "pi_2"}]
        raise AssertionError("the next page is never read")

    export = exports.start(database, wanted(batches))
    assert reading.wait(5) and export.rows == 1 and exports.of("ana", "payments") is export
    exports.discard(export)
    go_on.set()
    assert finished(export).state == "canceled"
    assert exports.of("ana", "payments") is None
    for _ in range(100):
        if not list((tmp_path / "exports").iterdir()):
            break
        time.sleep(0.01)
    assert list((tmp_path / "exports").iterdir()) == []
    assert owner.execute("select count(*) from payops.audit_log").fetchone() == (0,)


def test_an_export_of_a_signed_out_user_says_so_and_makes_no_file(exports, database):
    asked = []

    def acting() -> Actor:
        asked.append(1)
        if len(asked) > 1:
            raise Unauthorised("signed_out", "You are signed out.")
        return ANA

    export = finished(exports.start(database, wanted(lambda: [[]], acting=acting)))
    assert (export.state, export.problem, export.path.exists()) == ("failed", "You are signed out.", False)


def test_a_defect_shows_the_user_no_traceback(exports, database):
    def batches():
        yield [{"id": "pi_1"}]
        raise KeyError("secret")

    export = finished(exports.start(database, wanted(batches)))
    assert export.state == "failed" and "no file was made" in export.problem and "secret" not in export.problem


def test_files_are_deleted_after_an_hour_or_when_replaced(exports, database):
    first = finished(exports.start(database, wanted(lambda: [[{"id": "pi_1"}]])))
    second = finished(exports.start(database, wanted(lambda: [[{"id": "pi_2"}]])))
    assert not first.path.exists() and second.path.exists()
    exports.sweep(second.made_at + KEPT_SECONDS - 1)
    assert second.path.exists()
    exports.sweep(second.made_at + KEPT_SECONDS + 1)
    assert not second.path.exists() and exports.ready("ana", second.id) is None
