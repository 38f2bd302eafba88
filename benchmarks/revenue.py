"""Revenue of 1,000,000 balance transactions in a year: all counted, a day counted again, and what the page reads."""

import tempfile
import time
from pathlib import Path
from statistics import median

import psycopg
from rich.console import Console
from rich.table import Table

from core.db import embedded
from core.db.deploy import deploy

TRANSACTIONS = 1_000_000
ROUNDS = 5
# Half of the payments are of a subscription, whose invoice has one or two lines; every twentieth is refunded. A day of
# the year has as many payments as any other.
FILL = """
create temp table made as
select n, timestamptz '2025-12-01' + n * (interval '360 days' / %(payments)s) as at, 1900 + n %% 97 * 100 as amount
from generate_series(1, %(payments)s) as n;
insert into payops.payment_intents
  (id, livemode, created, as_of, state_rank, event_id, amount_minor, currency, status, customer_id, order_id, cart)
select 'pi_' || n, false, at, at, 0, 'evt', amount, 'usd', 'succeeded', 'cus_' || n %% 90000, 'order-' || n,
  case when n %% 2 = 0 then jsonb_build_array(jsonb_build_object(
    'product_id', 'prod_' || n %% 8, 'price_id', 'price_' || n %% 8, 'amount_minor', amount
  )) end
from made;
insert into payops.charges (id, livemode, created, as_of, state_rank, event_id, payment_intent_id, amount_minor,
  amount_captured_minor, currency, status, captured, method_type, card_brand, card_country)
select 'ch_' || n, false, at, at, 0, 'evt', 'pi_' || n, amount, amount, 'usd', 'succeeded', true, 'card',
  (array['visa', 'mastercard', 'amex'])[1 + n %% 3], (array['US', 'US', 'US', 'CA', 'DE'])[1 + n %% 5]
from made;
insert into payops.invoices
  (id, livemode, created, as_of, state_rank, event_id, status, subscription_id, currency, lines)
select 'in_' || n, false, at, at, 0, 'evt', 'paid', 'sub_' || n %% 90000, 'usd', jsonb_build_array(
  jsonb_build_object('product_id', 'prod_a', 'price_id', 'price_' || n %% 9, 'amount_minor', amount - 300),
  jsonb_build_object('product_id', 'prod_b', 'price_id', 'price_b', 'amount_minor', n %% 4 * 100)
)
from made where n %% 2 = 1;
insert into payops.invoice_payments
  (id, livemode, created, as_of, state_rank, event_id, invoice_id, payment_intent_id, status, is_default)
select 'ip_' || n, false, at, at, 0, 'evt', 'in_' || n, 'pi_' || n, 'paid', true from made where n %% 2 = 1;
insert into payops.refunds (id, livemode, created, as_of, state_rank, event_id, charge_id, payment_intent_id,
  amount_minor, currency, status)
select 're_' || n, false, at, at, 0, 'evt', 'ch_' || n, 'pi_' || n, amount / 2, 'usd', 'succeeded'
from made where n %% 20 = 0;
insert into payops.consultations
  (submission_id, body_sha256, patient_id, state, specialty, order_id, received_at, status, reason)
select 's' || n, 'x', 'patient-' || n, (array['CA', 'TX', 'NY', 'FL'])[1 + n %% 4], 'dermatology', 'order-' || n, at,
  'waiting', 'nobody free'
from made where n %% 4 = 0;
insert into payops.balance_transactions (id, livemode, created, as_of, state_rank, event_id, amount_minor, fee_minor,
  net_minor, currency, type, reporting_category, source_id)
select 'txn_' || n, false, at, at, 0, 'fetch', amount, amount / 30, amount - amount / 30, 'usd', 'charge', 'charge',
  'ch_' || n
from made
union all
select 'txn_r' || n, false, at, at, 0, 'fetch', -(amount / 2), 0, -(amount / 2), 'usd', 'refund', 'refund', 're_' || n
from made where n %% 20 = 0;
delete from payops.stale_revenue_days;
insert into payops.stale_revenue_days (day)
select distinct payops.business_day(t.created) from payops.balance_transactions as t;
insert into payops.stale_balance_days (day) select day from payops.stale_revenue_days;
analyze;
"""
PAGE = """
select payops_api.revenue(
  '2026-10-01', '2026-10-31', '2026-08-31', '2026-09-30', '2025-10-01', '2025-10-31', 'usd', '2026-11-20', '2026-11-20'
)
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
    connection.execute(FILL.replace("%(payments)s", str(round(TRANSACTIONS / 1.05))).replace("%%", "%"))
    connection.execute("select payops.refresh_balances()")
    started = time.perf_counter()
    connection.execute("select payops.refresh_revenue()")
    counted = time.perf_counter() - started
    connection.execute("vacuum analyze payops.daily_revenue")
    days, pages = [], []
    for _ in range(ROUNDS):
        connection.execute("insert into payops.stale_revenue_days (day) values ('2026-10-15')")
        started = time.perf_counter()
        connection.execute("select payops.refresh_revenue()")
        days.append(time.perf_counter() - started)
        started = time.perf_counter()
        connection.execute(PAGE).fetchone()
        pages.append(time.perf_counter() - started)
    table = Table("revenue", "seconds", title=f"{TRANSACTIONS:,} balance transactions in 360 days")
    table.add_row("every day counted once", f"{counted:.1f}")
    table.add_row("one day counted again", f"{median(days):.3f}")
    table.add_row("the page's figures of a month", f"{median(pages):.3f}")
    Console().print(table)


if __name__ == "__main__":
    main()
