"""Figures of 100,000 subscriptions from their history, against the functions of the commit before there was one.

Below them what the page `subscriptions` reads besides: the movements customer by customer, lists, months and cohorts.
"""

import subprocess
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
BEFORE = "6c70781:core/db/functions/metrics.sql"
SUBSCRIPTIONS = 100_000
ROUNDS = 3
PERIOD = ("2026-10-01", "2026-10-31", "usd", "2026-11-27T12:00Z")
MOVED = "monthly_minor items_at running_at subscribers_at first_paid_at mrr_metrics subscription_metrics".split()
MOVED += ["subscription_changes"]
# Every second one changed its quantity, every fifth has left, every tenth has a discount.
FILL = """
create temp table made as
select
  n, 'sub_' || n as id, 'cus_' || n % 80000 as customer_id,
  timestamptz '2025-06-01' + n % 480 * interval '1 day' as begins,
  jsonb_build_array(jsonb_build_object(
    'id', 'si_' || n, 'price_id', 'price_' || n % 9, 'product_id', 'prod_1', 'unit_amount_minor', 1900 + n % 9 * 1000,
    'quantity', 1, 'interval', case n % 7 when 0 then 'year' else 'month' end, 'interval_count', 1,
    'usage_type', 'licensed', 'discounts', '[]'::jsonb
  )) as items
from generate_series(1, %(subscriptions)s) as n;
insert into payops.subscriptions
  (id, livemode, created, as_of, state_rank, event_id, status, customer_id, currency, start_date, ended_at,
    items, discounts)
select
  id, false, begins, begins + interval '30 days', 0, 'evt_' || n, case n % 5 when 0 then 'canceled' else 'active' end,
  customer_id, 'usd', begins, case n % 5 when 0 then begins + interval '30 days' end, items, '[]'
from made;
insert into payops.subscription_snapshots
  (id, livemode, created, as_of, state_rank, event_id, subscription_id, state)
select
  m.n || ' ' || t.days, false, m.begins, m.begins + t.days * interval '1 day', 0, 'evt_' || m.n, m.id,
  payops.subscription_state(to_jsonb(s))
  || case
    when t.days < 30 then jsonb_build_object(
      'status', 'active', 'ended_at', null,
      'items', jsonb_set(m.items, '{0,quantity}', to_jsonb(1 + m.n % 2 * (t.days / 10)))
    ) else '{}'
  end
from made as m
inner join payops.subscriptions as s on m.id = s.id
cross join unnest(array[0, 10, 20, 30]) as t (days);
insert into payops.coupons (id, livemode, created, as_of, state_rank, event_id, duration, percent_off)
values ('co_1', false, now(), now(), 0, 'evt_1', 'forever', 20);
insert into payops.discounts
  (id, livemode, created, as_of, state_rank, event_id, coupon_id, customer_id, subscription_id, starts_at)
select 'di_' || n, false, begins, begins, 0, 'evt_1', 'co_1', customer_id, id, begins + interval '5 days'
from made where n % 10 = 0;
insert into payops.stale_subscriptions (kind, object_id) select 'subscription', id from made;
create table before.subscription_changes as
select id, created, subscription_id, state -> 'items' as items from payops.subscription_snapshots;
update before.subscription_changes as c set created = s.as_of from payops.subscription_snapshots as s where s.id = c.id;
alter table before.subscription_changes add primary key (id);
create index on before.subscription_changes (subscription_id, created, id);
analyze;
"""


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="payops-bench-") as folder:
        server = embedded.ensure_running(Path(folder))
        try:
            deploy(server.owner_conninfo)
            with psycopg.connect(server.owner_conninfo, autocommit=True) as connection:
                measure(connection)
        finally:
            embedded.remove(Path(folder))


def measure(connection: psycopg.Connection) -> None:
    connection.execute("create schema before")
    connection.execute(FILL.replace("%(subscriptions)s", str(SUBSCRIPTIONS)))
    connection.execute(functions_before())
    started = time.perf_counter()
    connection.execute("select payops.refresh_subscriptions()")
    built = time.perf_counter() - started
    connection.execute("vacuum analyze")
    times = {schema: [] for schema in ("before", "payops")}
    for _ in range(ROUNDS):
        for schema, taken in times.items():
            started = time.perf_counter()
            connection.execute(f"select {schema}.subscription_metrics(%s, %s, %s, %s)", PERIOD).fetchone()
            taken.append(time.perf_counter() - started)
    floor = median(times["before"])
    table = Table("figures read", "median s", "ratio", title=f"{SUBSCRIPTIONS:,} subscriptions")
    table.add_row("today's rows and changes, as before", f"{floor:.2f}", "1.00")
    table.add_row("the history of items", f"{median(times['payops']):.2f}", f"{median(times['payops']) / floor:.2f}")
    Console().print(table)
    Console().print(page_of(connection))
    Console().print(
        f"The history of all was built in {built:.1f} s: {SUBSCRIPTIONS / built:,.0f} subscriptions a second."
    )


# By what is read: the query, with the period's days, the currency and now.
OF_THE_PAGE = {
    "the figures at the top of the page": "select payops_api.subscription_figures(%(since)s, %(until)s, '2026-09-01',"
    " '2026-09-30', %(currency)s, %(now)s)",
    "the waterfall": "select payops.recurring_revenue(m.starts, m.ends, %(currency)s)"
    " from payops.period_moments(%(since)s, %(until)s, %(now)s) as m",
    "the first 200 customers who left": "select payops_api.movement_customers('churned', %(since)s, %(until)s,"
    " %(currency)s, %(now)s, 200)",
    "the first 200 active subscriptions": "select payops_api.subscriptions_listed('active', null, %(currency)s,"
    " %(now)s, 200)",
    "twelve months": "select payops_api.revenue_by_month(12, %(currency)s, %(now)s)",
    "twelve cohorts": "select payops_api.cohort_retention(12, %(currency)s, %(now)s)",
}


def page_of(connection: psycopg.Connection) -> Table:
    """How long each part of the page takes."""
    since, until, currency, now = PERIOD
    asked = {"since": since, "until": until, "currency": currency, "now": now}
    table = Table("of the page subscriptions", "median s")
    for name, query in OF_THE_PAGE.items():
        times = []
        for _ in range(ROUNDS):
            started = time.perf_counter()
            connection.execute(query, asked).fetchone()
            times.append(time.perf_counter() - started)
        table.add_row(name, f"{median(times):.2f}")
    return table


def functions_before() -> str:
    """The functions of subscriptions as that commit has them, in a schema of their own."""
    text = subprocess.run(["git", "show", BEFORE], cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout
    text = text[text.index("-- monthly_minor:") : text.index("-- webhook_metrics:")]
    for name in MOVED:
        text = text.replace(f"payops.{name}", f"before.{name}")
    return text


if __name__ == "__main__":
    main()
