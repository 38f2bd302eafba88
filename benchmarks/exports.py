"""1,000,000 payments from Postgres to XLSX: time and peak memory, beside pandas with openpyxl over some of the rows.

Each side is a process of its own, whose resident memory is read while it works. pandas and openpyxl hold all rows at
once, so they get a tenth of them: their time is compared a row, their memory as it is.
"""

import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import openpyxl
import pandas as pd
import psutil
import psycopg
from rich.console import Console
from rich.table import Table

from core.db import embedded
from core.db.deploy import deploy
from core.db.via_psycopg import PsycopgDatabase
from core.exports import files
from core.exports.table import Stamp
from core.payments import tables
from core.payments.payments import Sought
from core.staff.roles import SYSTEM

ROWS, PEER_ROWS = 1_000_000, 100_000
MEMORY_LIMIT_MB = 250
ZONE = ZoneInfo("America/New_York")
FILL = """
insert into payops.payment_intents
  (id, livemode, created, as_of, state_rank, event_id, amount_minor, currency, amount_received_minor, status,
    customer_id, order_id, patient_id, latest_charge_id)
select
  'pi_' || n, false, moment, moment, 0, 'evt_' || n, 1000 + n % 9000,
  case n % 10 when 0 then 'jpy' when 1 then 'eur' else 'usd' end, 1000 + n % 9000, 'succeeded', 'cus_' || n % 80000,
  'order-' || n, 'patient-' || n % 80000, 'ch_' || n
from (
  select n, timestamptz '2025-06-01' + n * interval '45 seconds' as moment from generate_series(1, {rows}) as n
) as m;
insert into payops.charges
  (id, livemode, created, as_of, state_rank, event_id, payment_intent_id, amount_minor, amount_captured_minor, currency,
    status, captured, card_brand, card_last4, method_type)
select
  latest_charge_id, false, created, as_of, 0, event_id, id, amount_minor, amount_minor, currency, 'succeeded', true,
  'visa', '4242', 'card'
from payops.payment_intents;
analyze;
"""
AT_ONCE = """
select
  i.created, i.amount_minor / 100.0 as amount, i.amount_received_minor / 100.0 as collected, 0.0 as refunded,
  i.currency, i.status, c.card_brand || ' ' || c.card_last4 as paid_with, i.order_id, i.customer_id, i.patient_id, i.id,
  c.id as charge
from payops.payment_intents as i
inner join payops.charges as c on i.latest_charge_id = c.id
order by i.created desc, i.id desc
limit {rows}
"""


@dataclass(frozen=True)
class Measured:
    """How long a process took, and the most memory that it had resident."""

    seconds: float
    peak_mb: float


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="payops-bench-") as folder:
        server = embedded.ensure_running(Path(folder))
        try:
            deploy(server.owner_conninfo)
            with psycopg.connect(server.owner_conninfo, autocommit=True) as owner:
                owner.execute(FILL.format(rows=ROWS))
            ours_at, peer_at = Path(folder) / "ours.xlsx", Path(folder) / "peer.xlsx"
            ours = measured("ours", server.owner_conninfo, ours_at)
            peer = measured("peer", server.owner_conninfo, peer_at)
            compare(ours, peer, ours_at)
        finally:
            embedded.remove(Path(folder))


def measured(side: str, conninfo: str, path: Path) -> Measured:
    """Run one side in a process of its own and watch its memory."""
    started, peak = time.perf_counter(), 0
    with subprocess.Popen([sys.executable, "-m", "benchmarks.exports", side, conninfo, str(path)]) as process:
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            try:
                peak = max(peak, watched.memory_info().rss)
            except psutil.Error:
                break
            time.sleep(0.05)
    if process.returncode:
        raise SystemExit(f"{side} failed with {process.returncode}")
    return Measured(time.perf_counter() - started, peak / 1_000_000)


def compare(ours: Measured, peer: Measured, path: Path) -> None:
    ours_a_row, peer_a_row = ours.seconds / ROWS, peer.seconds / PEER_ROWS
    table = Table("to XLSX", "rows", "seconds", "µs a row", "ratio", "peak MB", "ratio", title="Export of payments")
    table.add_row(
        "pandas and openpyxl", f"{PEER_ROWS:,}", f"{peer.seconds:.1f}", f"{peer_a_row * 1e6:.0f}", "1.00",
        f"{peer.peak_mb:.0f}", "1.00",
    )  # fmt: skip
    table.add_row(
        "payops", f"{ROWS:,}", f"{ours.seconds:.1f}", f"{ours_a_row * 1e6:.0f}", f"{ours_a_row / peer_a_row:.2f}",
        f"{ours.peak_mb:.0f}", f"{ours.peak_mb / peer.peak_mb:.2f}",
    )  # fmt: skip
    Console().print(table)
    Console().print(f"The file has {path.stat().st_size / 1_000_000:.0f} MB.")
    if ours.peak_mb >= MEMORY_LIMIT_MB:
        raise SystemExit(f"The export took {ours.peak_mb:.0f} MB, not under {MEMORY_LIMIT_MB}.")
    rows = openpyxl.load_workbook(path, read_only=True)["Payments"].max_row
    if rows != ROWS + 1 + 3:
        raise SystemExit(f"The sheet has {rows:,} lines, not the headings, {ROWS:,} rows and a total a currency.")


def write_ours(conninfo: str, path: Path) -> None:
    database = PsycopgDatabase(conninfo, direct=True)
    described = tables.payments_found(database, SYSTEM, Sought())
    files.write(described, "xlsx", path, Stamp(datetime.now(UTC), SYSTEM.name, ZONE))
    database.close()


def write_peer(conninfo: str, path: Path) -> None:
    with psycopg.connect(conninfo) as connection:
        cursor = connection.execute(AT_ONCE.format(rows=PEER_ROWS))
        frame = pd.DataFrame(cursor.fetchall(), columns=[column.name for column in cursor.description or ()])
    frame["created"] = frame["created"].dt.tz_convert(ZONE).dt.tz_localize(None)
    frame.to_excel(path, engine="openpyxl", index=False)


if __name__ == "__main__":
    if len(sys.argv) == 4:
        {"ours": write_ours, "peer": write_peer}[sys.argv[1]](sys.argv[2], Path(sys.argv[3]))
    else:
        main()
