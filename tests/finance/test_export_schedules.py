"""Weekly exports: made once for their day, with the rights of the user who set them up, and sent if requested."""

import base64
import csv
import json
import stat
import threading
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from pydantic import SecretStr

from core.errors import Refused, Unauthorised
from core.finance.scheduled import schedules, writing
from core.finance.scheduled.tables import Filters
from core.payments.context import PaymentContext
from core.staff import users
from core.staff.flags import Flags
from core.staff.roles import SYSTEM, Actor, Role

NEW_YORK = ZoneInfo("America/New_York")
FINANCE, OPS = Actor("staff:fin", Role.FINANCE), Actor("staff:ops", Role.OPS)
SUNDAY = datetime(2026, 11, 15, 17, tzinfo=UTC)
MONDAY = datetime(2026, 11, 16, 12, tzinfo=UTC)  # seven in the morning in New York


class MovedClock:
    now = SUNDAY

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
def context(database, owner, clock) -> PaymentContext:
    owner.execute("update payops.business set timezone = 'America/New_York'")
    for name, role in (("fin", Role.FINANCE), ("ada", Role.ADMIN)):
        users.add(database, SYSTEM, name, role, f"{name}@example.com", "a long enough Passw0rd!", SUNDAY)
    payments = [
        payment(1, "2026-11-09T04:59:59"),  # still Sunday the 8th
        payment(2, "2026-11-09T05:00:00"),
        payment(3, "2026-11-16T04:59:59"),
        payment(4, "2026-11-16T05:00:00"),  # Monday the 16th
        payment(5, "2026-11-12T12:00:00", "jpy"),
    ]
    database.call("load_records", records={"payment_intents": payments})
    flags = Flags(database, suspended=False)
    return PaymentContext(database, None, clock, flags, lambda _: {}, 20000)  # nothing here asks Stripe


def payment(number, at, currency="usd"):
    return {
        "id": f"pi_{number}",
        "created": f"{at}+00:00",
        "as_of": f"{at}+00:00",
        "livemode": False,
        "state_rank": 0,
        "event_id": f"evt_{number}",
        "amount_minor": 1000 + number,
        "amount_received_minor": 1000 + number,
        "currency": currency,
        "status": "succeeded",
    }


def add(context, table="payments", file_format="csv", weekday=1, delivery="folder", filters=None):
    schedules.add(context.db, FINANCE, table, file_format, weekday, delivery, filters or Filters(), context.clock())


def write(context, folder, *urls):
    return writing.write_due(context, NEW_YORK, folder, [SecretStr(url) for url in urls], lambda: None)


def files_in(folder):
    return sorted(path.name for path in writing.folder_of(folder).glob("*"))


def test_an_export_is_made_once_for_its_day_and_holds_the_seven_days_before(context, clock, tmp_path, owner):
    add(context, filters=Filters(currency="usd", status="succeeded"))
    assert write(context, tmp_path) == 0  # a Sunday
    clock.now = MONDAY
    assert [write(context, tmp_path), write(context, tmp_path)] == [1, 0]
    (name,) = files_in(tmp_path)
    path = writing.folder_of(tmp_path) / name
    assert name.startswith("payments-2026-11-09-to-2026-11-15-")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    rows = list(csv.DictReader(path.read_text("utf-8-sig").splitlines()))
    assert [(row["Payment"], row["Amount"]) for row in rows] == [("pi_3", "10.03"), ("pi_2", "10.02")]
    recorded = "select actor, after from payops.audit_log where action = 'exports:file:made'"
    filters = {"currency": "usd", "status": "succeeded"}
    assert owner.execute(recorded).fetchall() == [("staff:fin", {"format": "csv", "rows": 2, "filters": filters})]
    clock.now = MONDAY + timedelta(days=8)  # nobody worked that Monday: it is made on Tuesday, for Monday
    assert write(context, tmp_path) == 1
    assert files_in(tmp_path)[1].startswith("payments-2026-11-16-to-2026-11-22-")


@pytest.mark.parametrize(
    ("weekday", "now", "due"),
    [
        (7, SUNDAY, date(2026, 11, 15)),
        (1, SUNDAY, None),  # its first Monday is to come
        (1, datetime(2026, 11, 16, 10, 59, tzinfo=UTC), None),  # not six yet in New York
        (1, datetime(2026, 11, 16, 11, 0, tzinfo=UTC), date(2026, 11, 16)),
        (2, datetime(2026, 11, 20, 12, 0, tzinfo=UTC), date(2026, 11, 17)),
    ],
)
def test_an_export_is_due_from_six_in_the_morning_business_time(context, weekday, now, due):
    add(context, weekday=weekday)
    (schedule,) = schedules.listed(context.db, FINANCE)
    assert schedules.due_day(schedule, now, NEW_YORK) == due


@pytest.mark.parametrize("table", ["payments", "refunds", "disputes", "journal"])
def test_every_table_that_can_be_scheduled_is_written(context, clock, tmp_path, table):
    add(context, table, "xlsx")
    clock.now = MONDAY
    assert write(context, tmp_path) == 1
    book = openpyxl.load_workbook(next(writing.folder_of(tmp_path).glob(f"{table}-*.xlsx")))
    assert book.sheetnames[1] == "About"


def test_an_owner_without_export_rights_gets_no_file_and_the_page_says_so(context, clock, tmp_path):
    add(context)
    clock.now = MONDAY
    users.set_role(context.db, SYSTEM, "fin", Role.OPS, MONDAY)
    assert write(context, tmp_path) == 0 and files_in(tmp_path) == []
    (schedule,) = schedules.listed(context.db, Actor("staff:ada", Role.ADMIN))
    assert "may no longer export" in schedule["problem"]
    users.set_role(context.db, SYSTEM, "fin", Role.FINANCE, MONDAY)
    assert write(context, tmp_path) == 1  # it stayed due
    assert schedules.listed(context.db, FINANCE)[0]["problem"] is None


def test_a_defect_in_one_export_is_reported_and_stops_no_other(context, clock, tmp_path, owner):
    add(context, "refunds")
    add(context, "payments")
    owner.execute("update payops.export_schedules set filters = '[]' where table_name = 'refunds'")
    clock.now = MONDAY
    with pytest.raises(AttributeError):
        write(context, tmp_path)
    assert [name.partition("-")[0] for name in files_in(tmp_path)] == ["payments"]
    broken, made = schedules.listed(context.db, FINANCE)
    assert "The export failed" in broken["problem"] and made["problem"] is None


def test_an_export_goes_with_its_message_and_a_failed_target_is_named_without_address(context, clock, tmp_path):
    got = []

    class Target(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append(json.loads(body))
            self.send_response(200 if self.path == "/takes" else 500)
            self.end_headers()

        def log_message(self, *_):
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Target)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        base = f"json://127.0.0.1:{server.server_port}"
        add(context, delivery="alerts")
        clock.now = MONDAY
        assert write(context, tmp_path, f"{base}/takes", f"{base}/deaf?secret=hunter2") == 1
        assert write(context, tmp_path, f"{base}/takes") == 0  # what was sent is not sent again
    finally:
        server.shutdown()
        server.server_close()
    (attached,) = got[0]["attachments"]
    assert base64.b64decode(attached["base64"]).decode("utf-8-sig").startswith("Created,Amount,")
    assert "3 rows" in got[0]["message"]
    (schedule,) = schedules.listed(context.db, FINANCE)
    assert schedule["problem"] == "The file was written to the folder, but 1 of 2 alert targets did not accept it."


def test_where_no_target_is_set_the_file_stays_in_the_folder(context, clock, tmp_path):
    add(context, delivery="alerts")
    clock.now = MONDAY
    assert write(context, tmp_path) == 1 and len(files_in(tmp_path)) == 1
    assert "ALERT_URLS is not set" in schedules.listed(context.db, FINANCE)[0]["problem"]


def test_a_schedule_is_set_up_and_removed_by_finance_alone_and_audited(context, owner):
    add(context)
    (schedule,) = schedules.listed(context.db, FINANCE)
    for forbidden in (
        lambda: schedules.listed(context.db, OPS),
        lambda: schedules.add(context.db, OPS, "payments", "csv", 1, "folder", Filters(), SUNDAY),
        lambda: schedules.remove(context.db, OPS, schedule["id"], SUNDAY),
    ):
        with pytest.raises(Unauthorised):
            forbidden()
    for bad in (
        {"table": "users"},
        {"weekday": 8},
        {"file_format": "pdf"},
        {"filters": Filters(status="paid")},
        {"filters": Filters(currency="xxx")},
        {"table": "journal", "filters": Filters(currency="usd")},
    ):
        with pytest.raises(Refused):
            add(context, **bad)
    schedules.remove(context.db, FINANCE, schedule["id"], SUNDAY)
    assert schedules.listed(context.db, FINANCE) == []
    with pytest.raises(Refused):
        schedules.remove(context.db, FINANCE, schedule["id"], SUNDAY)
    recorded = "select actor, action from payops.audit_log where action like 'finance:%' order by id"
    assert owner.execute(recorded).fetchall() == [
        ("staff:fin", "finance:export-schedule:added"),
        ("staff:fin", "finance:export-schedule:removed"),
    ]
