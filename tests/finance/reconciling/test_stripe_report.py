"""Stripe's own itemised report against the mirror: differences row by row, and bad files in one clear sentence."""

from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from core.cli import app
from core.errors import Refused
from core.finance import report_comparison

ZONE = ZoneInfo("America/New_York")
HEADING = (
    "automatic_payout_id,automatic_payout_effective_at_utc,balance_transaction_id,created_utc,created,available_on_utc,"
    "currency,gross,fee,net,reporting_category,source_id,description"
)


def report(month_in_database, *, zone="America/New_York", payout=None, change=lambda cells: cells):
    """The report as Stripe writes it: major units, UTC and local times; of one payout, or of all activity."""
    rows = month_in_database.execute(
        "select coalesce(k.payout_id, '') as payout, b.id, to_char(b.created at time zone 'UTC', %s) as utc,"
        " to_char(b.created at time zone %s, %s) as local, b.currency, b.amount_minor, b.fee_minor, b.net_minor,"
        " b.reporting_category, b.source_id from payops.balance_transactions as b"
        " left join payops.payout_contents as k on b.id = k.balance_transaction_id"
        " where b.reporting_category <> 'payout' and (%s::text is null or k.payout_id = %s) order by b.created, b.id",
        ["YYYY-MM-DD HH24:MI:SS", zone, "YYYY-MM-DD HH24:MI:SS", payout, payout],
    ).fetchall()
    lines = [HEADING]
    for of, txn, utc, local, currency, gross, fee, net, category, source in rows:
        money = [_major(each, currency) for each in (gross, fee, net)]
        cells = [of, "", txn, utc, local, "", currency, *money, category, source or "", "Visit, first"]
        lines += [
            ",".join(f'"{each}"' if "," in each else each for each in changed) for changed in [change(cells)] if changed
        ]
    return ("\n".join(lines) + "\n").encode()


def _major(minor, currency):
    if currency == "jpy":
        return str(minor)
    sign = "-" if minor < 0 else ""
    return f"{sign}{abs(minor) // 100}.{abs(minor) % 100:02}"


def test_the_whole_activity_agrees_with_the_mirror_in_either_form(month_in_database, database):
    found = report_comparison.compare(database, "activity.csv", report(month_in_database), ZONE)
    assert found.agrees and found.rows > 2_000
    local_alone = report(month_in_database).replace(b"created_utc", b"ignored", 1)
    found = report_comparison.compare(database, "activity.csv", local_alone, ZONE)
    assert found.agrees and found.zone == "America/New_York"
    commas = report(
        month_in_database, change=lambda cells: [*cells[:7], *(c.replace(".", ",") for c in cells[7:10]), *cells[10:]]
    )
    assert report_comparison.compare(database, "activity.csv", commas, ZONE).agrees


def test_a_differing_row_is_reported_by_field_and_values(month_in_database, database):
    changes = {3: (7, "99.99"), 4: (8, "0.01"), 5: (10, "fee")}
    count = iter(range(2, 10_000))

    def change(cells):
        line = next(count)
        if line == 6:
            return None
        if line in changes:
            place, value = changes[line]
            cells[place] = value
        return cells

    found = report_comparison.compare(database, "activity.csv", report(month_in_database, change=change), ZONE)
    told = [(each["line"], each["field"]) for each in found.differences]
    assert told == [(3, "gross"), (4, "fee"), (5, "reporting_category"), (None, "row")]
    assert found.differences[0]["report"] == "$99.99"


def test_a_payout_report_with_a_missing_or_unknown_transaction_is_reported(month_in_database, database):
    payout = month_in_database.execute(
        "select payout_id from payops.reconciled_payouts where currency = 'usd' and transactions > 20"
        " order by 1 limit 1"
    ).fetchone()[0]
    whole = report(month_in_database, payout=payout)
    assert report_comparison.compare(database, "payout.csv", whole, ZONE).agrees
    lines = whole.splitlines(keepends=True)
    dropped = report_comparison.compare(database, "payout.csv", b"".join(lines[:4] + lines[5:]), ZONE)
    assert [(each["line"], each["field"], each["report"]) for each in dropped.differences] == [
        (None, "row", "not in it")
    ]
    strange = lines[1].replace(b"txn_", b"txn_strange_")
    added = report_comparison.compare(database, "payout.csv", b"".join([*lines, strange]), ZONE)
    assert [(each["line"], each["field"], each["mirror"]) for each in added.differences] == [
        (len(lines) + 1, "row", "not in it")
    ]


def test_the_command_tells_each_difference_and_ends_with_1(month_in_database, server, tmp_path, monkeypatch):
    for name, value in {"DATABASE_URL": server.app_conninfo, "DATA_DIR": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    lines = report(month_in_database).splitlines(keepends=True)
    strange = lines[1].replace(b"txn_", b"txn_strange_")
    dropped, doubted = (line.split(b",")[2].decode() for line in lines[4:6])
    lines[5] = lines[5].replace(b",charge,", b",fee,")
    (tmp_path / "report.csv").write_bytes(b"".join([*lines[:4], *lines[5:], strange]))
    days = ["--since", "2026-11-01", "--until", "2026-11-02"]
    said = CliRunner().invoke(app, ["reconcile", *days, "--against", str(tmp_path / "report.csv")])
    assert said.exit_code == 1
    told = said.stdout[said.stdout.index("The mirror has 3 differences") :]
    assert f"line 5: {doubted} reporting_category: report fee, mirror charge" in told
    assert f"line {len(lines)}: txn_strange_" in told and "is not in the mirror" in told
    assert f"{dropped} of $" in told and "is in the mirror and not in the report" in told


ROW = "po_1,,txn_1,2026-11-02 10:00:00,2026-11-02 05:00:00,,usd,10.00,0.59,9.41,charge,ch_1,Visit"


@pytest.mark.parametrize(
    ("data", "line", "reason"),
    [
        (b"", 1, "empty"),
        (b"\n", 1, "empty"),
        (b"PK\x03\x04rest", 1, "spreadsheet"),
        (f"{HEADING}\n{ROW}\n".encode("utf-16"), 1, "UTF-16"),
        (f"{HEADING}\n{ROW.replace('Visit', 'Café')}\n".encode("latin-1"), 2, "UTF-8"),
        (b"reporting_category,currency,count,gross,fee,net\ncharge,usd,1,1.00,0.00,1.00\n", 1, "summary"),
        (b"date,amount\n2026-11-01,5\n", 1, "no column balance_transaction_id"),
        (f"{HEADING}\n{ROW}\npo_1,,txn_2,2026".encode(), 3, "cut off"),
        (f'{HEADING}\n{ROW}\npo_1,,"txn_2'.encode(), 3, "not CSV"),
        (f"{HEADING}\n{ROW.replace('10.00', 'ten')}\n".encode(), 2, "not an amount"),
        (f"{HEADING}\n{ROW.replace('10.00', '10.001')}\n".encode(), 2, "not an amount in USD"),
        (f"{HEADING}\n{ROW.replace('10.00', 'NaN')}\n".encode(), 2, "not an amount"),
        (f"{HEADING}\n{ROW.replace('10.00', '9e99')}\n".encode(), 2, "not an amount"),
        (f"{HEADING}\n{ROW.replace('usd', 'dollars')}\n".encode(), 2, "not a currency"),
        (f"{HEADING}\n{ROW.replace('2026-11-02 10', '02/11/2026 10')}\n".encode(), 2, "not a time"),
        (f"{HEADING}\n{ROW.replace('txn_1', '')}\n".encode(), 2, "no balance_transaction_id"),
        (f"{HEADING}\n{ROW}\n{ROW}\n".encode(), 3, "line 2 too"),
        (f"{HEADING}\n".encode(), 2, "no transactions"),
    ],
)  # fmt: skip
def test_a_bad_file_is_refused_with_its_line_and_reason_and_nothing_is_compared(database, data, line, reason):
    with pytest.raises(Refused) as refused:
        report_comparison.compare(database, "report.csv", data, ZONE)
    assert refused.value.detail.startswith(f"report.csv, line {line}: ")
    assert reason in refused.value.detail and refused.value.detail.endswith("Nothing was compared.")
