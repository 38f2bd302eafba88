"""A million balance transactions with 12,000 payouts reconciled, beside pandas and DuckDB over the same rows.

Both peers take the rows out of Postgres first, since that is where they are; their times are given with and without
that. Each finds the same classes of mismatches, and the run fails where they differ. They take turns, three each, and the
median counts, since other work may use the machine. `--transactions 100000` is quicker.
Then the page is opened on this month and on a whole one, beside a page that draws one chart: the server's time of a run.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from datetime import UTC, date, datetime
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

import psutil
import psycopg
from rich.console import Console
from rich.table import Table
from streamlit.testing.v1 import AppTest

from core.db import embedded
from core.db.deploy import deploy
from core.db.via_psycopg import PsycopgDatabase
from core.staff.roles import Actor, Role
from core.ui import session

PAYOUTS = 12_000
NOW = datetime(2026, 11, 20, 17, tzinfo=UTC)
PAGE = Path(__file__).parent.parent / "pages/finance/reconciliation.py"
OPENINGS = 7
ROUNDS = 3
CLASSES = ("missing_here", "amount", "currency", "fee", "duplicate", "deposit_missing", "deposit_short")
# Each payout takes along an equal share of the payments; most payments are of a few amounts. Then the damages, 40 each.
FILL = """
create temp table made as
select
  n, timestamptz '2025-06-01 04:00Z' + n::double precision / {transactions} * interval '530 days' as at,
  1900 + n % 40 * 500 as amount, 'po_' || lpad((n::bigint * {payouts} / {transactions})::text, 6, '0') as payout
from generate_series(0, {transactions} - 1) as n;
insert into payops.charges
  (id, livemode, created, as_of, state_rank, event_id, payment_intent_id, customer_id, amount_minor,
   amount_captured_minor, currency, status, captured, method_type, card_brand, card_country, balance_transaction_id)
select 'ch_' || md5(n::text), false, at, at, 0, 'fetch', 'pi_' || n, 'cus_' || n % 9999, amount, amount, 'usd', 'succeeded',
  true, 'card', 'visa', 'US', 'txn_' || md5(n::text)
from made;
insert into payops.balance_transactions
  (id, livemode, created, as_of, state_rank, event_id, amount_minor, fee_minor, net_minor, currency, type,
   reporting_category, source_id, available_on)
select 'txn_' || md5(n::text), false, at, at, 0, 'fetch', amount, amount * 3 / 100, amount - amount * 3 / 100, 'usd',
  'charge', 'charge', 'ch_' || md5(n::text), (at + interval '2 days')::date
from made;
insert into payops.payouts
  (id, livemode, created, as_of, state_rank, event_id, amount_minor, currency, status, arrival_date, automatic,
   reconciliation_status, balance_transaction_id, trace_id)
select payout, false, max(at) + interval '3 days', max(at) + interval '4 days', 0, 'evt', sum(amount - amount * 3 / 100),
  'usd', 'paid', payops.next_bank_day((max(at) + interval '5 days')::date), true, 'completed', 'txn_' || payout, payout
from made group by payout;
insert into payops.balance_transactions
  (id, livemode, created, as_of, state_rank, event_id, amount_minor, fee_minor, net_minor, currency, type,
   reporting_category, source_id, available_on)
select balance_transaction_id, false, created, created, 0, 'fetch', -amount_minor, 0, -amount_minor, 'usd', 'payout', 'payout',
  id, created::date
from payops.payouts;
insert into payops.payout_contents select 'txn_' || md5(n::text), payout from made;
insert into payops.payout_contents select balance_transaction_id, id from payops.payouts;
insert into payops.bank_accounts (name, last4, currency) values ('Operating', '6789', 'usd');
insert into payops.bank_statements (account_id, format, file_name, file_sha256, statement_key, from_date, to_date,
  entries_read, imported_at, imported_by)
select id, 'camt053', 'a.xml', 'x', 'x', '2025-05-01', '2026-12-31', 1, now(), 'cli:root' from payops.bank_accounts;
insert into payops.bank_entries (account_id, statement_id, entry_key, status, booked_on, amount_minor, currency, reference,
  description, recognised_by)
select s.account_id, s.id, p.id, 'booked', p.arrival_date, p.amount_minor, 'usd', p.id, 'STRIPE', 'trace_id'
from payops.payouts as p, payops.bank_statements as s;
insert into payops.payout_deposits
select e.entry_key, e.id, 'trace_id', now(), 'system:worker' from payops.bank_entries as e;
"""
# One payout apart each, so that no damage hides another.
DAMAGE = """
create temp table hurt as
select row_number() over () as n, d.* from (
  select distinct on (k.payout_id) k.payout_id, k.balance_transaction_id as txn, b.source_id as ch
  from payops.payout_contents as k inner join payops.balance_transactions as b on k.balance_transaction_id = b.id
  where b.reporting_category = 'charge' order by k.payout_id, b.id
) as d;
delete from payops.balance_transactions where id in (select txn from hurt where n between 1 and 40);
update payops.balance_transactions set amount_minor = amount_minor + 1, net_minor = net_minor + 1
where id in (select txn from hurt where n between 101 and 140);
update payops.balance_transactions set currency = 'cad' where id in (select txn from hurt where n between 201 and 240);
update payops.balance_transactions set fee_minor = fee_minor + 7 where id in (select txn from hurt where n between 301 and 340);
insert into payops.balance_transactions
select (jsonb_populate_record(b, jsonb_build_object('id', b.id || '_2'))).* from payops.balance_transactions as b
where b.id in (select txn from hurt where n between 401 and 440);
delete from payops.charges where id in (select ch from hurt where n between 501 and 540);
update payops.payouts set amount_minor = amount_minor + 1 where id in (select payout_id from hurt where n between 601 and 640);
delete from payops.payout_deposits where payout_id in (select payout_id from hurt where n between 701 and 740);
delete from payops.bank_entries where reference in (select payout_id from hurt where n between 701 and 740);
update payops.bank_entries set amount_minor = amount_minor - 100
where reference in (select payout_id from hurt where n between 801 and 840);
analyze;
"""
TABLES = {
    "charges": "select id, amount_minor, currency, balance_transaction_id from payops.charges",
    "movements": "select id, source_id, amount_minor, fee_minor, net_minor, currency, reporting_category"
    " from payops.balance_transactions",
    "contents": "select balance_transaction_id, payout_id from payops.payout_contents",
    "payouts": "select id, amount_minor, balance_transaction_id from payops.payouts",
    "deposits": "select d.payout_id, e.amount_minor from payops.payout_deposits as d"
    " join payops.bank_entries as e on e.id = d.bank_entry_id",
}
# What pandas and DuckDB run under: rows out of Postgres as CSV, then the same classes by merges.
FETCH = """
import json, resource, sys, time
from pathlib import Path
import psycopg
conninfo, folder, tables = sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3])
began = time.perf_counter()
with psycopg.connect(conninfo) as connection:
    for name, query in tables.items():
        with open(folder / f"{name}.csv", "wb") as file, connection.cursor().copy(f"copy ({query}) to stdout csv header") as rows:
            for block in rows:
                file.write(block)
"""
TELL = """
print(json.dumps({"fetched": fetched - began, "computed": time.perf_counter() - fetched,
    "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "found": found}))
"""
PANDAS = (
    FETCH
    + """
import pandas as pd
charges, movements, contents, payouts, deposits = (pd.read_csv(folder / f"{name}.csv") for name in tables)
fetched = time.perf_counter()
paid = movements[movements.reporting_category == "charge"]
pairs = charges.merge(paid, how="outer", left_on="balance_transaction_id", right_on="id", suffixes=("", "_t"), indicator=True)
both = pairs[pairs._merge == "both"]
alone = pairs[pairs._merge == "right_only"]
known = alone.source_id.isin(charges.id)
moved = movements[movements.reporting_category == "payout"]
sent = payouts.merge(moved, left_on="balance_transaction_id", right_on="id", suffixes=("", "_t"))
taken = contents.merge(movements, left_on="balance_transaction_id", right_on="id")
sums = taken[(taken.reporting_category != "payout") & (taken.currency == "usd")].groupby("payout_id").net_minor.sum()
remainder = payouts.set_index("id").amount_minor - sums
arrived = deposits.groupby("payout_id").amount_minor.sum().reindex(payouts.id)
due = sent.set_index("id")
short = (arrived.values != due.amount_minor.values) & (arrived.values != -due.amount_minor_t.values) & arrived.notna().values
found = {
    "missing_here": int((pairs._merge == "left_only").sum() + (~known).sum()),
    "duplicate": int(known.sum()),
    "currency": int((both.currency != both.currency_t).sum()),
    "amount": int(((both.currency == both.currency_t) & (both.amount_minor != both.amount_minor_t)).sum()
        + (sent.amount_minor != -sent.amount_minor_t).sum()),
    "fee": int((movements.amount_minor - movements.fee_minor != movements.net_minor).sum()),
    "deposit_missing": int(arrived.isna().sum()),
    "deposit_short": int(short.sum()),
}
remainders = int((remainder != 0).sum())
"""
    + TELL
)
DUCKDB = (
    FETCH
    + """
import duckdb
db = duckdb.connect()
for name in tables:
    db.execute(f"create table {name} as select * from read_csv('{folder}/{name}.csv')")
fetched = time.perf_counter()
def count(query):
    return db.execute(query).fetchone()[0]
db.execute("create table pairs as select c.id, c.amount_minor, c.currency, t.id as t_id, t.amount_minor as t_amount,"
    " t.currency as t_currency, t.source_id from charges c full join (select * from movements where reporting_category = 'charge') t"
    " on c.balance_transaction_id = t.id where c.id is null or t.id is null or c.amount_minor <> t.amount_minor"
    " or c.currency <> t.currency")
db.execute("create table sums as select payout_id, sum(net_minor) as net from contents k join movements t"
    " on k.balance_transaction_id = t.id where reporting_category <> 'payout' and currency = 'usd' group by 1")
db.execute("create table due as select p.id, p.amount_minor, -t.amount_minor as moved, d.arrived from payouts p"
    " join movements t on p.balance_transaction_id = t.id left join (select payout_id, sum(amount_minor) as arrived from deposits"
    " group by 1) d on d.payout_id = p.id")
remainders = count("select count(*) from payouts p join sums s on s.payout_id = p.id where p.amount_minor <> s.net")
found = {
    "missing_here": count("select count(*) from pairs where t_id is null")
        + count("select count(*) from pairs p where id is null and not exists (select 1 from charges c where c.id = p.source_id)"),
    "duplicate": count("select count(*) from pairs p where id is null and exists (select 1 from charges c where c.id = p.source_id)"),
    "currency": count("select count(*) from pairs where currency <> t_currency"),
    "amount": count("select count(*) from pairs where currency = t_currency and amount_minor <> t_amount")
        + count("select count(*) from due where amount_minor <> moved"),
    "fee": count("select count(*) from movements where amount_minor - fee_minor <> net_minor"),
    "deposit_missing": count("select count(*) from due where arrived is null"),
    "deposit_short": count("select count(*) from due where arrived not in (amount_minor, moved)"),
}
"""
    + TELL
)
PEERS = {"pandas": PANDAS, "DuckDB": DUCKDB}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--transactions", type=int, default=1_000_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="payops-bench-") as folder:
        server = embedded.ensure_running(Path(folder) / "data")
        try:
            measure(server, asked.transactions, Path(folder))
        finally:
            embedded.remove(Path(folder) / "data")


def measure(server: embedded.EmbeddedServer, transactions: int, folder: Path) -> None:
    deploy(server.owner_conninfo)
    with psycopg.connect(server.owner_conninfo, autocommit=True) as owner:
        owner.execute("set session_replication_role = replica")
        owner.execute(FILL.format(transactions=transactions, payouts=min(PAYOUTS, transactions // 10)))
        owner.execute(DAMAGE)
        owner.execute("set session_replication_role = origin")
        unreconcile(owner)
        owner.execute("vacuum analyze")
        runs: dict[str, list[dict[str, Any]]] = {name: [] for name in ("payops", *PEERS)}
        for _ in range(ROUNDS):
            unreconcile(owner)
            owner.execute("checkpoint")  # what the filling has not written yet is not part of reconciling
            runs["payops"].append(reconciled(server, owner))
            for name in PEERS:
                runs[name].append(computed_by_peer(name, server.owner_conninfo, folder))
        again = one_new_transaction(server, owner)
    opened = page_openings(server.owner_conninfo)
    ours, *others = (median_run(each) for each in runs.values())
    peers = dict(zip(PEERS, others, strict=True))
    show(transactions, ours, peers, again)
    show_openings(opened)


def unreconcile(owner: psycopg.Connection[Any]) -> None:
    """Everything has to be compared again, and the balance's days summed again."""
    owner.execute("select payops.mark_all_unreconciled()")
    owner.execute(
        "insert into payops.stale_balance_days (day) select day from payops.stale_reconciliation_days on conflict do nothing"
    )


def computed_by_peer(name: str, conninfo: str, folder: Path) -> dict[str, Any]:
    """What a peer found and how long it took, with the fetching; it has a process of its own."""
    with tempfile.TemporaryDirectory(dir=folder) as files:
        arguments = [sys.executable, "-c", PEERS[name], conninfo, files, json.dumps(TABLES)]
        ran = subprocess.run(arguments, capture_output=True, text=True)
    if ran.returncode:
        raise RuntimeError(ran.stderr[-2000:])
    told: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])  # DuckDB draws its progress before it
    return told


def median_run(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The run whose time is the median, with the largest peak of all."""
    ordered = sorted(runs, key=lambda run: run["fetched"] + run["computed"])
    return ordered[len(ordered) // 2] | {"peak_mb": max(run["peak_mb"] for run in runs)}


def reconciled(server: embedded.EmbeddedServer, owner: psycopg.Connection[Any]) -> dict[str, Any]:
    """The reconciliation of everything, with the memory of the Postgres processes that did it, without what they
    share.
    """
    database = PsycopgDatabase(server.owner_conninfo)
    watching = Watching(server.pgdata)
    began = time.perf_counter()
    with watching:
        database.call("refresh_reconciliation", now=NOW)
    took = time.perf_counter() - began
    found = dict(
        owner.execute("select class, count(*) from payops.mismatches where state = 'open' group by 1").fetchall()
    )
    database.close()
    return {"computed": took, "fetched": 0.0, "peak_mb": watching.peak_mb, "found": found}


class Watching:
    """The most memory that the server had at one moment more than before: its processes' own, and what the processes of
    one parallel query share.
    """

    def __init__(self, pgdata: Path):
        pid = int((pgdata / "postmaster.pid").read_text().splitlines()[0])
        self.server, self.peak_mb, self.over = psutil.Process(pid), 0.0, threading.Event()

    def __enter__(self) -> None:
        self.before = self._now()
        self.thread = threading.Thread(target=self._watch)
        self.thread.start()

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()

    def _watch(self) -> None:
        while not self.over.wait(0.02):
            self.peak_mb = max(self.peak_mb, self._now() - self.before)

    def _now(self) -> float:
        total = sum(each.stat().st_blocks * 512 for each in Path("/dev/shm").glob("PostgreSQL.*"))
        for child in self.server.children():
            try:
                total += child.memory_full_info().uss
            except psutil.Error:
                continue
        return total / 1024 / 1024


def one_new_transaction(server: embedded.EmbeddedServer, owner: psycopg.Connection[Any]) -> list[float]:
    """Seconds until the month is right again after one more payment and its movement; five times."""
    database = PsycopgDatabase(server.owner_conninfo)
    times = []
    for number in range(6):
        row = {"livemode": False, "created": "2026-11-10T15:00:00Z", "as_of": "2026-11-10T15:00:00Z", "state_rank": 0}
        charge = row | {
            "id": f"ch_new_{number}",
            "event_id": "fetch",
            "amount_minor": 5000,
            "amount_captured_minor": 5000,
        }
        charge |= {
            "amount_refunded_minor": 0,
            "currency": "usd",
            "status": "succeeded",
            "captured": True,
            "disputed": False,
        }
        movement = row | {"id": f"txn_new_{number}", "event_id": "fetch", "amount_minor": 5000, "fee_minor": 175}
        movement |= {"net_minor": 4825, "currency": "usd", "type": "charge", "reporting_category": "charge"}
        charge["balance_transaction_id"], movement["source_id"] = movement["id"], charge["id"]
        database.call("load_records", records={"charges": [charge], "balance_transactions": [movement]})
        began = time.perf_counter()
        database.call("refresh_reconciliation", now=NOW)
        found = database.call("reconciliation", since=date(2026, 11, 1), until=date(2026, 11, 30))
        times.append(time.perf_counter() - began)
        assert not any(line["remainder_minor"] for each in found["currencies"] for line in each["lines"])
    database.close()
    return sorted(times[1:])


def bare_page() -> None:
    """A page of one chart, as quick as a page of the console can be."""
    import plotly.graph_objects as go
    import streamlit as st

    st.title("One chart")
    st.plotly_chart(go.Figure(go.Scatter(x=list(range(30)), y=list(range(30)))))


def page_openings(conninfo: str) -> dict[str, float]:
    """Median seconds of the server to run each page for a new tab of somebody of finance, in turns."""
    database, actor = PsycopgDatabase(conninfo), Actor("staff:bench", Role.FINANCE)
    settings = SimpleNamespace(business_zone=ZoneInfo("America/New_York"), data_dir=Path(tempfile.gettempdir()))
    running = SimpleNamespace(clock=lambda: NOW, db=database, settings=settings)
    staff = SimpleNamespace(actor=actor, name="bench", role=actor.role, confirmed=True)
    known = {"services": running, "db": database, "settings": settings, "actor": actor, "working": staff}
    pages = {"one chart": None, "this month": None, "October 2026": "October 2026"}
    times: dict[str, list[float]] = {name: [] for name in pages}
    with ExitStack() as patched:
        for name, value in known.items():
            patched.enter_context(patch.object(session, name, lambda value=value: value))
        patched.enter_context(patch.object(session, "actor_at_click", lambda: lambda: actor))
        for _ in range(OPENINGS + 1):
            for name, month in pages.items():
                opening = AppTest.from_function(bare_page) if name == "one chart" else AppTest.from_file(str(PAGE))
                if month:
                    opening.query_params["month"] = month
                began = time.perf_counter()
                opening.run(timeout=60)
                times[name].append(time.perf_counter() - began)
                if opening.exception:
                    raise RuntimeError(opening.exception[0].message)
    database.close()
    return {name: median(taken[1:]) for name, taken in times.items()}


def show_openings(opened: dict[str, float]) -> None:
    bare = opened["one chart"]
    for name, seconds in opened.items():
        bound = 1.3 * bare + 0.3
        Console().print(f"Page on {name}: {seconds * 1000:.0f} ms of the server (goal: at most {bound * 1000:.0f} ms)")


def show(transactions: int, ours: dict[str, Any], peers: dict[str, dict[str, Any]], again: list[float]) -> None:
    table = Table(
        "", "rows fetched s", "computed s", "together s", "peak MB", title=f"{transactions:,} balance transactions"
    )
    for name, run in {"payops": ours, **peers}.items():
        together = run["fetched"] + run["computed"]
        table.add_row(
            name, f"{run['fetched']:.2f}", f"{run['computed']:.2f}", f"{together:.2f}", f"{run['peak_mb']:.0f}"
        )
    out = Console()
    out.print(table)
    for name, run in peers.items():
        time_ratio = ours["computed"] / (run["fetched"] + run["computed"])
        memory_ratio = ours["peak_mb"] / run["peak_mb"]
        out.print(f"payops against {name}: {time_ratio:.2f} of the time, {memory_ratio:.2f} of the peak memory")
    out.print(
        f"After one new transaction the month is right again in {again[len(again) // 2] * 1000:.0f} ms (median of 5)."
    )
    for name, run in peers.items():
        differ = {each: (ours["found"].get(each, 0), run["found"][each]) for each in CLASSES}
        differ = {each: counts for each, counts in differ.items() if counts[0] != counts[1]}
        if differ:
            out.print(f"payops and {name} differ: {differ}")
            sys.exit(1)
    out.print(f"All three find the same: {ours['found']}")


if __name__ == "__main__":
    main()
