"""The overview and `payops metrics` over a million payments, against the same data under the code of an older commit.

The older commit's database is filled, copied, and the copy upgraded by
today's migrations. `--payments 100000` is quicker.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import psycopg
from rich.console import Console
from rich.table import Table

from core.db import embedded
from core.db.deploy import deploy

CHECKOUT = Path(__file__).parents[1]
BEFORE = "6c70781"
DAYS = 540
FILL = """
create temp table made as
select
  n, 'pi_' || n as id, timestamptz '2025-06-01' + n::double precision / {payments} * {days} * interval '1 day' as at,
  1900 + n % 40 * 500 as amount, case when n % 50 = 0 then 'eur' else 'usd' end as currency, n % 20 = 0 as failed
from generate_series(1, {payments}) as n;
insert into payops.payment_intents
  (id, livemode, created, as_of, state_rank, event_id, amount_minor, currency, amount_received_minor, status, customer_id)
select
  id, false, at, at, 0, 'evt_' || n, amount, currency, case when failed then 0 else amount end,
  case when failed then 'requires_payment_method' else 'succeeded' end, 'cus_' || n % ({payments} / 5)
from made;
insert into payops.charges
  (id, livemode, created, as_of, state_rank, event_id, payment_intent_id, customer_id, amount_minor, amount_captured_minor,
   currency, status, captured, decline_code, network_status, method_type, card_brand, balance_transaction_id)
select
  'ch_' || n, false, at + interval '2 seconds', at, 0, 'evt_' || n, id, 'cus_' || n % ({payments} / 5), amount,
  case when failed then 0 else amount end, currency, case when failed then 'failed' else 'succeeded' end, not failed,
  case when failed then 'insufficient_funds' end, 'approved_by_network', 'card', 'visa', case when failed then null else 'txn_' || n end
from made;
insert into payops.balance_transactions
  (id, livemode, created, as_of, state_rank, event_id, amount_minor, fee_minor, net_minor, currency, type,
   reporting_category, source_id)
select
  'txn_' || n, false, at + interval '2 seconds', at, 0, 'fetch', amount, amount * 3 / 100, amount - amount * 3 / 100, currency,
  'charge', 'charge', 'ch_' || n
from made where not failed;
insert into payops.disputes
  (id, livemode, created, as_of, state_rank, event_id, charge_id, payment_intent_id, amount_minor, currency, reason, status)
select 'dp_' || n, false, at + interval '20 days', at, 0, 'evt_' || n, 'ch_' || n, id, amount, currency, 'fraudulent', 'lost'
from made where n % 300 = 1 and not failed;
create temp table begun as
select
  n, 'sub_' || n as id, timestamptz '2025-06-01' + n % 500 * interval '1 day' as at, n % 5 = 0 as ended,
  jsonb_build_array(jsonb_build_object(
    'id', 'si_' || n, 'price_id', 'price_' || n % 9, 'product_id', 'prod_1', 'unit_amount_minor', 1900 + n % 9 * 1000,
    'quantity', 1, 'interval', case n % 7 when 0 then 'year' else 'month' end, 'interval_count', 1, 'usage_type', 'licensed'
  )) as items
from generate_series(1, {payments} / 10) as n;
insert into payops.subscriptions
  (id, livemode, created, as_of, state_rank, event_id, status, customer_id, currency, start_date, ended_at, items)
select
  id, false, at, at, 0, 'evt_' || n, case when ended then 'canceled' else 'active' end, 'cus_' || n, 'usd', at,
  case when ended then at + interval '30 days' end, items
from begun;
insert into payops.subscription_changes (id, livemode, created, as_of, state_rank, event_id, subscription_id, items)
select 'evt_' || n || '_' || k, false, at + k * interval '9 days', at, 0, 'evt_' || n, id, items
from begun cross join generate_series(0, 2) as k;
insert into payops.touched_payments (payment_intent_id) select id from made;
insert into payops.touched_days (day) select distinct at::date from made;
analyze;
"""
# Run under either commit: recount what is stale, then time the two calls.
TIMED = """
import json, sys, time
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo
from core.db.via_psycopg import PsycopgDatabase
from core.monitoring import metrics, overview
from core.periods import Period
db = PsycopgDatabase(sys.argv[1])
now, zone = datetime(2026, 11, 20, 17, tzinfo=UTC), ZoneInfo("America/New_York")
started = time.perf_counter()
db.call(sys.argv[2])
recounted = time.perf_counter() - started
db.call("analyze_tables")
found = {"recounted": recounted}
for days in (30, 365):
    period = Period.last_days(days, now=now, zone=zone)
    for name, call in (("overview", overview.load), ("metrics", metrics.overview)):
        times = []
        for _ in range(4):
            started = time.perf_counter()
            call(db, period, currency="usd", now=now)
            times.append(time.perf_counter() - started)
        found[f"{name}, {days} days"] = times[1:]
print(json.dumps(found))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--payments", type=int, default=1_000_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="payops-bench-") as folder:
        data_dir, old_code = Path(folder) / "data", Path(folder) / "code"
        old_code.mkdir()
        archive = subprocess.run(["git", "archive", BEFORE, "core"], cwd=CHECKOUT, capture_output=True, check=True)
        subprocess.run(["tar", "-x", "-C", str(old_code)], input=archive.stdout, check=True)
        server = embedded.ensure_running(data_dir)
        try:
            compare(server, old_code, asked.payments)
        finally:
            embedded.remove(data_dir)


def compare(server: embedded.EmbeddedServer, old_code: Path, payments: int) -> None:
    deploy_old = "import sys; from core.db.deploy import deploy; deploy(sys.argv[1])"
    under(old_code, deploy_old, server.owner_conninfo)
    with psycopg.connect(server.owner_conninfo, autocommit=True) as owner:
        owner.execute(FILL.format(payments=payments, days=DAYS))
    with psycopg.connect(server.conninfo("postgres", "postgres"), autocommit=True) as owner:
        owner.execute("create database upgraded template payops")
    upgraded = server.conninfo("postgres", "upgraded")
    started = time.perf_counter()
    deploy(upgraded)
    Console().print(
        f"Upgraded {payments:,} payments and {payments // 10:,} subscriptions in {time.perf_counter() - started:.0f} s."
    )
    with psycopg.connect(upgraded, autocommit=True) as owner:
        owner.execute("insert into payops.stale_charges (charge_id) select id from payops.charges")
    old = timed(old_code, server.owner_conninfo, "count_touched_payments")
    with psycopg.connect(upgraded, autocommit=True) as owner:
        owner.execute("vacuum analyze")
    new = timed(CHECKOUT, upgraded, "recount_stale")
    show(old, new, payments)


def under(code: Path, script: str, *arguments: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=code,
        env={"PYTHONPATH": str(code)},
        capture_output=True,
        text=True,
    )
    if ran.returncode:
        raise RuntimeError(ran.stderr[-2000:])
    return ran.stdout


def timed(code: Path, conninfo: str, recount: str) -> dict[str, object]:
    import json

    found: dict[str, object] = json.loads(under(code, TIMED, conninfo, recount))
    return found


def show(old: dict[str, object], new: dict[str, object], payments: int) -> None:
    table = Table(
        "call", f"{BEFORE} s", "today s", "ratio", title=f"{payments:,} payments, medians of three warm calls"
    )
    for name, before in old.items():
        times = [median(each) if isinstance(each, list) else each for each in (before, new[name])]
        table.add_row(name, *(f"{each:.2f}" for each in times), f"{times[1] / times[0]:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
