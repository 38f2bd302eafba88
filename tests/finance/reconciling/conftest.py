"""A month of the sandbox's history, mirrored, with the bank's statement of it: undamaged."""

import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from core.events.repair import backfill
from core.events.repair.balances import load_payout_contents
from core.finance.bank_days import next_bank_day
from core.sandbox import demo_bootstrap, seed
from tests.conftest import empty
from tests.finance.reconciling.month import Month

SEED, DAYS = 7, 62
UNTIL = datetime(2026, 11, 30, 20, tzinfo=UTC)


@pytest.fixture(scope="package")
def month_in_database(server, database):
    """The history in the database, once for this folder; what a test changes is rolled back."""
    with tempfile.TemporaryDirectory(prefix="payops-test-") as folder:
        data_dir = Path(folder)
        seed.seed_sandbox(data_dir, seed=SEED, until=int(UNTIL.timestamp()), days=DAYS)
        with psycopg.connect(server.owner_conninfo, autocommit=True) as connection:
            empty(connection)
            loading = backfill.load_history(
                database,
                lambda kind: demo_bootstrap.objects(data_dir, kind),
                lambda types: demo_bootstrap.events(data_dir, types),
                now=UNTIL,
            )
            for _ in loading:
                pass
            load_payout_contents(database, demo_bootstrap.payout_contents(data_dir))
            write_statement(connection)
            database.call("refresh_reconciliation", now=UNTIL)
            connection.execute("analyze")
            yield connection
            empty(connection)


@pytest.fixture
def month(month_in_database):
    """The month inside a transaction that is rolled back."""
    with psycopg.connect(month_in_database.info.dsn) as connection:
        yield Month(connection, UNTIL)
        connection.rollback()


def write_statement(connection):
    """A statement a currency over the whole time, on which each payout arrived on the bank day it was due."""
    due = connection.execute(
        "select id, currency, amount_minor, arrival_date from payops.payouts where arrival_date < %s order by id",
        [date(2026, 11, 28)],
    ).fetchall()
    for currency in sorted({currency for _, currency, _, _ in due}):
        account = connection.execute(
            "insert into payops.bank_accounts (name, last4, currency) values (%s, '6789', %s) returning id",
            [f"Operating {currency}", currency],
        ).fetchone()[0]
        statement = connection.execute(
            "insert into payops.bank_statements (account_id, format, file_name, file_sha256, statement_key, from_date,"
            " to_date, entries_read, imported_at, imported_by)"
            " values (%s, 'camt053', 'statement.xml', 'sha', 'key', %s, %s, 1, %s, 'staff:fin') returning id",
            [account, UNTIL.date() - timedelta(days=DAYS + 5), UNTIL.date(), UNTIL],
        ).fetchone()[0]
        for payout, of, amount, arrival in due:
            if of != currency:
                continue
            entry = connection.execute(
                "insert into payops.bank_entries (account_id, statement_id, entry_key, status, booked_on, amount_minor,"
                " currency, reference, description, recognised_by)"
                " values (%s, %s, %s, 'booked', %s, %s, %s, %s, 'STRIPE PAYOUT', 'trace_id') returning id",
                [account, statement, payout, next_bank_day(arrival), amount, currency, payout[-12:].upper()],
            ).fetchone()[0]
            connection.execute(
                "insert into payops.payout_deposits values (%s, %s, 'trace_id', %s, 'system:worker')",
                [payout, entry, UNTIL],
            )
