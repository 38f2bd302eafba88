"""What 1, 100 and 1,000 times today's load takes, simulated from what is measured on this machine in the same run.

Measured first: the CPU of the API and of Postgres an event, how long the sums of a day take to be counted again on a
day with few and with many payments, the overview's reading, and the bytes a payment takes. Then the busiest minute of
the busiest hour is simulated, event by event: they arrive at random and wait for a free API process, then for a free
core of Postgres. The fewest are searched that answer 99 of 100 within 25 ms and are busy for at most 70 % of the time.
"""

import argparse
import heapq
import math
import random
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psycopg
from rich.console import Console
from rich.table import Table

from benchmarks import big_data, webhooks
from benchmarks.webhook_traffic import sample_events
from core.db import embedded
from core.db.deploy import deploy

PAYMENTS = 20_000  # of each measured database
FEW_DAYS, MANY_DAYS = 4, 400  # over which they are spread
EVENTS_A_PAYMENT = 8  # of Stripe, with its invoice, charge and fee
PEAK_SHARE = 0.2  # of a day's events in its busiest hour: renewals are billed together
BURST = 4  # times the hour's mean in its busiest minute
SPREAD = 0.5  # of a service time's logarithm
LOOKED_AT_SECONDS = 2.0  # how often an open overview is read again, once for all who look
MOST_BUSY, MOST_MS = 0.7, 25.0
FACTORS = (1, 100, 1_000)
NOW = f"'{big_data.NOW}'"


@dataclass(frozen=True)
class Costs:
    """Seconds, measured: of the API's and Postgres's CPU an event, and of a day's sums and the overview's reading, with
    no payment and for each payment of the day; and the bytes a payment takes on the disk.
    """

    api: float
    postgres: float
    day: float
    day_a_payment: float
    overview: float
    overview_a_payment: float
    bytes_a_payment: float

    def looks(self, payments_a_day: float) -> float:
        """The share of a core that goes into reading the overview and counting the present day again."""
        seconds = self.day + self.overview + (self.day_a_payment + self.overview_a_payment) * payments_a_day
        return seconds / LOOKED_AT_SECONDS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--payments-a-day", type=int, default=500, help="today's load")
    today = parser.parse_args().payments_a_day
    costs = measured()
    show(costs, today)


def measured() -> Costs:
    with tempfile.TemporaryDirectory(prefix="payops-bench-") as name:
        folder = Path(name)
        with webhooks.database(folder / "webhooks", 0) as postgres:
            with webhooks.serving(webhooks.APPS[webhooks.OURS], folder / "webhooks", 1, postgres) as server:
                api, of_postgres = webhooks.measure(server, sample_events()).cpu
        few, many = (days_sums(folder / str(days), days) for days in (MANY_DAYS, FEW_DAYS))
    more = PAYMENTS / FEW_DAYS - PAYMENTS / MANY_DAYS

    def a_payment(little: float, much: float) -> tuple[float, float]:
        each = max(0.0, (much - little) / more)
        return max(0.0, little - each * PAYMENTS / MANY_DAYS), each

    return Costs(api / 1e6, of_postgres / 1e6, *a_payment(few[0], many[0]), *a_payment(few[1], many[1]), many[2])


def days_sums(folder: Path, days: int) -> tuple[float, float, float]:
    """Seconds to count a changed payment's day again and to read the overview of 30 days, and the bytes a payment."""
    server = embedded.ensure_running(folder)
    try:
        deploy(server.owner_conninfo)
        big_data.fill(server.owner_conninfo, PAYMENTS, days=days)
        big_data.recount(server.owner_conninfo)
        with psycopg.connect(server.owner_conninfo, autocommit=True) as owner:
            newest = f"'pi_{PAYMENTS - 20}'"  # of the last full hours
            owner.execute("set synchronous_commit = off")
            change = f"insert into payops.stale_payments (payment_intent_id) values ({newest})"
            count = "select payops_api.recount_stale(1000)"
            read = f"select payops_api.overview('2026-10-29', '2026-11-27', '2026-09-29', '2026-10-28', 'usd', {NOW})"
            counted = median(_seconds(owner, count, before=change) for _ in range(7))
            looked = median(_seconds(owner, read) for _ in range(7))
            row = owner.execute("select pg_database_size(current_database())").fetchone()
        assert row
        return counted, looked, row[0] / PAYMENTS
    finally:
        embedded.remove(folder)


def _seconds(owner: psycopg.Connection, query: str, *, before: str = "select 1") -> float:
    owner.execute(before.encode())
    started = time.perf_counter()
    owner.execute(query.encode())
    return time.perf_counter() - started


def arrivals(per_second: float, seconds: float) -> Iterator[float]:
    at = random.expovariate(per_second)
    while at < seconds:
        yield at
        at += random.expovariate(per_second)


def waits(per_second: float, services: list[tuple[int, float]], *, seconds: float = 60.0) -> list[float]:
    """How long each arrival takes through these stages, each with so many places and seconds a service, sorted."""
    free = [[0.0] * places for places, _ in services]
    found = []
    for at in arrivals(per_second, seconds):
        done = at
        for places, (_, mean) in zip(free, services, strict=True):
            service = random.lognormvariate(0, SPREAD) * mean
            done = max(done, heapq.heappop(places)) + service
            heapq.heappush(places, done)
        found.append(done - at)
    return sorted(found)


def show(costs: Costs, today: int) -> None:
    measures = Table("measured", "ms", title="On this machine, one run")
    measures.add_row("API an event", f"{1000 * costs.api:.3f}")
    measures.add_row("Postgres an event", f"{1000 * costs.postgres:.3f}")
    measures.add_row(
        "a changed day's sums", f"{1000 * costs.day:.1f} + {1e6 * costs.day_a_payment:.2f} µs a payment of it"
    )
    measures.add_row(
        "the overview's reading",
        f"{1000 * costs.overview:.1f} + {1e6 * costs.overview_a_payment:.2f} µs a payment a day",
    )
    measures.add_row("bytes a payment", f"{costs.bytes_a_payment:,.0f}")
    table = Table(
        "times today",
        "payments a day",
        "events/s in the busiest minute",
        "API processes",
        "Postgres cores for events",
        "core share of sums and overview",
        "p99 ms",
        "GB a year",
        title=f"Today: {today:,} payments a day",
    )
    for factor in FACTORS:
        payments = today * factor
        peak = payments * EVENTS_A_PAYMENT * PEAK_SHARE / 3600 * BURST
        api, cores = (math.ceil(peak * seconds / MOST_BUSY) for seconds in (costs.api, costs.postgres))
        while (found := waits(peak, [(api, costs.api), (cores, costs.postgres)])) and _p99(found) > MOST_MS:
            api, cores = api + 1, cores + 1
        gigabytes = payments * 365 * costs.bytes_a_payment / 1e9
        shown = [f"{_p99(found):.1f}" if found else "", f"{gigabytes:,.0f}"]
        looks = f"{costs.looks(payments):.2f}"
        table.add_row(f"{factor:,}", f"{payments:,}", f"{peak:,.1f}", str(api), str(cores), looks, *shown)
    for each in (measures, table):
        Console(width=140).print(each)


def _p99(found: list[float]) -> float:
    return 1000 * found[min(len(found) - 1, len(found) * 99 // 100)]


if __name__ == "__main__":
    main()
