"""What pages and commands read, on databases of several sizes: server milliseconds, growth, and bytes of the answer;
then what the console takes in a browser, and its memory.

`make bench-full` builds 100,000, 3,000,000 and 10,000,000 payments; `--sizes 100000` is quicker. The table is appended
to `results.md`. With `--also CONNINFO` a database that was built before is measured too. `--no-browser` leaves the
console out.
"""

import argparse
import json
import os
import platform
import subprocess
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path
from statistics import median

import psycopg
from rich.console import Console

from benchmarks import big_data, console_sessions
from core.db import embedded
from core.db.deploy import deploy

SIZES = (100_000, 3_000_000, 10_000_000)
ROUNDS = 5
RESULTS = Path(__file__).parent / "results.md"
UNTIL = date(2026, 11, 27)
NOW = f"'{big_data.NOW}'"


def days(number: int) -> str:
    return f"date '{UNTIL - timedelta(number - 1)}', date '{UNTIL}'"


def compared(number: int) -> str:
    """A period and the one before it."""
    before = UNTIL - timedelta(number)
    return f"{days(number)}, date '{before - timedelta(number - 1)}', date '{before}'"


def moments(number: int) -> str:
    since, until = UNTIL - timedelta(number - 1), UNTIL + timedelta(1)
    return f"'{since} America/New_York', '{until} America/New_York'"


def found(**sought: object) -> str:
    return f"find_payments('{json.dumps(sought)}', 50)"


CALLS = {
    "overview, 30 days": f"overview({compared(30)}, 'usd', {NOW})",
    "overview, 365 days": f"overview({compared(365)}, 'usd', {NOW})",
    "payops metrics, 30 days": f"metrics({days(30)}, 'usd', {NOW})",
    "recurring revenue, 30 days": f"subscription_figures({compared(30)}, 'usd', {NOW})",
    "recurring revenue, 12 months": f"revenue_by_month(12, 'usd', {NOW})",
    "cohorts, 12 months": f"cohort_retention(12, 'usd', {NOW})",
    "inbox, the last hour": f"inbox_pulse({NOW})",
    "inbox, 30 days": f"inbox_figures({moments(30)})",
    "inbox, 365 days": f"inbox_figures({moments(365)})",
    "events": "list_events('{}', 50)",
    "events of a type that never came": """list_events('{"type": "radar.never"}', 50)""",
    "recovery, list": f"list_recovery({NOW}, 1000)",
    "recovery, 30 days": f"recovery_figures({compared(30)}, 'usd')",
    "recovery, 365 days": f"recovery_figures({compared(365)}, 'usd')",
    "expiring licences": f"list_expiring_licences(30, {NOW})",
    "care against cash": f"care_payment_mismatches({NOW})",
    "fraud warnings": f"list_fraud_warnings({NOW})",
    "disputes, 365 days": f"dispute_figures({compared(365)}, 'usd')",
    "payments": found(),
    "payments, a deep page": found(before={"created": "2025-09-01T00:00Z", "id": "x"}),
    "payments, failed": found(status="failed"),
    "payments, a status that none has": found(status="requires_capture"),
    "payments by an amount nobody paid": found(amounts={"usd": 4901, "eur": 4901}),
    "payments by last four": found(last4="4242"),
    "payments by order": found(name="order_777"),
    "payments by customer": found(name="cus_77"),
    "payments by patient": found(name="patient_77"),
    "payments by an id that is not there": found(name="nothing_here"),
    "subscriptions by customer": f"subscriptions_listed('all', 'cus_77', 'usd', {NOW}, 50)",
    "subscriptions, the largest": f"subscriptions_listed('active', null, 'usd', {NOW}, 50)",
    "/metrics, the first time": f"metric_samples({NOW})",
    "/metrics, later": f"metric_samples({NOW})",
}

# What the worker counts ahead: what it is called here, and where it is counted.
COUNTED_AHEAD = {
    "retryable_failures": ("retryable payments, counted ahead by the worker", f"count_retryable({NOW}, '{{}}')"),
    "licence_impacts": ("what ending licences affect, counted ahead", f"count_licence_impacts({NOW})"),
    "payments_to_collect": ("payments to collect, counted ahead", f"count_to_collect({NOW})"),
    "warning_history": ("what became of fraud warnings, counted ahead", f"count_warnings({NOW})"),
}
SIZES_OF = """
select
  t.relname, pg_table_size(t.oid)::float / %(payments)s, pg_indexes_size(t.oid)::float / %(payments)s,
  string_agg(x.relname || ' ' || round(pg_relation_size(x.oid)::numeric / %(payments)s), ', '
    order by pg_relation_size(x.oid) desc) filter (where pg_relation_size(x.oid) >= %(payments)s)
from pg_class as t
left join pg_index as i on t.oid = i.indrelid
left join pg_class as x on i.indexrelid = x.oid
where t.relnamespace = 'payops'::regnamespace and t.relkind = 'r' and pg_total_relation_size(t.oid) >= %(payments)s
group by t.oid, t.relname
order by pg_total_relation_size(t.oid) desc
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES)
    parser.add_argument("--also", action="append", default=[], metavar="CONNINFO")
    parser.add_argument("--no-browser", dest="browser", action="store_false")
    asked = parser.parse_args()
    columns: dict[str, dict[str, tuple[float, int]]] = {}
    consoles: dict[str, console_sessions.Measured] = {}
    stored = ""

    def measure(conninfo: str) -> None:
        nonlocal stored
        size = f"{payments_in(conninfo):,}"
        columns[size] = measured(conninfo)
        stored = bytes_a_payment(conninfo)
        if asked.browser:
            consoles[size] = console_sessions.measured(conninfo)

    for conninfo in asked.also:
        measure(conninfo)
    for payments in asked.sizes:
        with tempfile.TemporaryDirectory(prefix="payops-bench-") as folder:
            server = embedded.ensure_running(Path(folder))
            try:
                deploy(server.owner_conninfo)
                big_data.fill(server.owner_conninfo, payments, print)
                big_data.recount(server.owner_conninfo, print)
                measure(server.owner_conninfo)
            finally:
                embedded.remove(Path(folder))
    text = table(columns) + (console_sessions.table(consoles) if consoles else "") + stored
    Console(width=160).print(text)
    with RESULTS.open("a") as results:
        results.write(text)


def measured(conninfo: str) -> dict[str, tuple[float, int]]:
    """The median milliseconds of each call when warm, and the bytes of its answer; the first scrape is taken once."""
    times = {}
    with psycopg.connect(conninfo, autocommit=True) as owner:
        owner.execute("update payops.metric_clock set counted_until = '-infinity'")
        ahead = [f"select payops_api.{count}".encode() for _, count in COUNTED_AHEAD.values()]
        owner.execute(f"select payops_api.move_running_subscriptions({NOW})".encode())
        for count in ahead:
            owner.execute(count)
        for subject, took in owner.execute("select subject, extract(epoch from took) * 1000 from payops.kept_counts"):
            times[COUNTED_AHEAD[subject][0]] = float(took), 0
        for name, call in CALLS.items():
            taken = []
            for count in ahead:  # as the worker does, so that no count is too old to be shown
                owner.execute(count)
            for _ in range(1 if "first" in name else ROUNDS + 1):
                started = time.perf_counter()
                row = owner.execute(f"select payops_api.{call}::text".encode()).fetchone()
                taken.append((time.perf_counter() - started) * 1000)
            times[name] = median(taken[1:] or taken), len(row[0] or "") if row else 0
    return times


def payments_in(conninfo: str) -> int:
    with psycopg.connect(conninfo) as owner:
        row = owner.execute("select count(*) from payops.payment_intents").fetchone()
    return int(row[0]) if row else 0


def bytes_a_payment(conninfo: str) -> str:
    """What a payment takes on the disk, by table and index, in bytes; what takes less than one is left out."""
    with psycopg.connect(conninfo) as owner:
        rows = owner.execute(SIZES_OF, {"payments": payments_in(conninfo)}).fetchall()
    lines = [
        f"\nBytes a payment: {sum(rows_ + indexes for _, rows_, indexes, _ in rows):,.0f}.\n",
        "| table | rows | indexes | each index |",
        "|---|---|---|---|",
        *(f"| {name} | {rows_:,.0f} | {indexes:,.0f} | {each or ''} |" for name, rows_, indexes, each in rows),
    ]
    return "\n".join(lines) + "\n"


def table(columns: dict[str, dict[str, tuple[float, int]]]) -> str:
    sizes = list(columns)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    lines = [
        f"\n## {date.today()}, commit {commit}, {os.cpu_count()} cores, Python {platform.python_version()},"
        f" load {os.getloadavg()[0]:.1f}\n",
        f"| milliseconds at … payments | {' | '.join(sizes)} | growth | bytes |",
        f"|---|{'---|' * (len(sizes) + 2)}",
    ]
    for name in (*CALLS, *(name for name, _ in COUNTED_AHEAD.values())):
        ms = [columns[size][name][0] for size in sizes]
        shown = " | ".join(f"{each:,.1f}" for each in ms)
        lines.append(f"| {name} | {shown} | {ms[-1] / ms[0]:.1f} × | {columns[sizes[-1]][name][1]:,} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
