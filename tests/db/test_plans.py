"""On 200,000 rows: no function reads a growing table from end to end, or many more rows than it shows.

Rows are counted, not time. The functions are listed from the SQL files, so that a new one is held too. Left out are a
person's actions, which begin with rows that the person chose.
"""

import re
from collections.abc import Iterator

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from benchmarks import big_data
from core.db.deploy import FUNCTIONS, deploy

PAYMENTS, DAYS = 15_000, 60
GROWS_FROM = 1_000  # rows: more than any table of settings, providers or days has here
MOST_ROWS = 3_000  # read by one call, for at most 100 rows shown
NOW, SINCE, UNTIL = "'2026-11-27T17:00:05Z'", "'2026-11-20'", "'2026-11-27'"
ARGUMENTS = {
    "actor_role": "'ops'",
    "after": "0",
    "after_id": "null",
    "amounts": """'{"usd": 4901}'""",
    "asked_before": NOW,
    "before": "'2026-09-01'",
    "cadence": "'daily'",
    "categories": "null",
    "created_before": NOW,
    "currencies": "'[\"usd\"]'",
    "currency": "'usd'",
    "customer_id": "'cus_77'",
    "day": UNTIL,
    "days": "30",
    "dispute_id": "'dp_1211'",
    "earliest": SINCE,
    "facts": "'[]'",
    "find": "'cus_77'",
    "fingerprints": "'[]'",
    "flow": "'refunds'",
    "held_seconds": "60",
    "idle_seconds": "600",
    "ids": """'{"payment_intents": ["pi_7", "pi_8"]}'""",
    "invoice_id": "null",
    "key": "'nothing'",
    "kinds": """'["payments", "customers", "subscriptions", "providers", "consultations"]'""",
    "last4": "'4242'",
    "limit": "50",
    "list": "'all'",
    "listed": "'[\"pi_7\"]'",
    "months": "3",
    "most": "50",
    "movement": "'churned'",
    "name": "'nobody'",
    "names": """'["mrr", "net", "authorization_rate", "assignment_success_rate"]'""",
    "now": NOW,
    "older_days": "5",
    "operation": "'post /v1/refunds'",
    "outcome": "null",
    "overlap_seconds": "60",
    "patient_id": "'patient_77'",
    "payment_intent_id": "'pi_14980'",
    "payouts": "'[\"po_500\"]'",
    "previous_since": "'2026-11-12'",
    "previous_until": "'2026-11-19'",
    "promotion_code": "'promo_1'",
    "provider": "'prov_7'",
    "quiet_seconds": "'{}'",
    "records": "'{}'",
    "retry_rules": "'{}'",
    "roles": "'[]'",
    "rows": "'[]'",
    "rules": "'[]'",
    "search": "'cons_400'",
    "since": SINCE,
    "sought": "'{}'",
    "source": "'charges'",
    "specialty": "'general_practice'",
    "state": "'CA'",
    "states": """'["open"]'""",
    "status": "'waiting'",
    "statuses": """'["needs_response"]'""",
    "step_minutes": "60",
    "table": "'payment_intents'",
    "tables": """'["payment_intents", "charges"]'""",
    "task": "'refetch'",
    "text": "'nothing_here'",
    "timezone": "'America/New_York'",
    "today": UNTIL,
    "together": "false",
    "told_before": NOW,
    "type": "null",
    "until": UNTIL,
    "user_name": "'nobody'",
    "with_sums": "false",
    "year_since": "'2026-10-01'",
    "year_until": UNTIL,
}
IDS = {
    "candidates": "'cons_14960'",
    "consultation": "'cons_400'",
    "one_incident": "1",
    "show_event": "'evt_9000_a'",
    "subscription_life": "'sub_77'",
}
# Each kind of filter and page of the lists that people search.
ALSO = {
    "find_payments": [
        f"'{sought}', 50"
        for sought in (
            '{"name": "nothing_here"}',
            '{"name": "order_777"}',
            '{"name": "cus_77"}',
            '{"name": "patient_77"}',
            '{"name": "in_75"}',
            '{"amounts": {"usd": 4901}}',
            '{"last4": "4242"}',
            '{"status": "requires_capture"}',
            '{"status": "incomplete"}',
            '{"status": "disputed"}',
            '{"currency": "jpy"}',
            '{"before": {"created": "2026-10-05T00:00Z", "id": "x"}}',
        )
    ],
    "list_events": [
        f"'{sought}', 50"
        for sought in (
            '{"type": "radar.never"}',
            '{"type": "charge.*"}',
            '{"outcome": "dead"}',
            '{"object_id": "nothing"}',
            '{"before": {"received_at": "2026-10-05T00:00Z", "id": "x"}}',
        )
    ],
    "inbox_figures": [
        f"{SINCE}, {UNTIL}, 'radar.never'",
        f"{SINCE}, {UNTIL}, null, 'dead'",
        f"{SINCE}, {UNTIL}, null, null, 'pi_77'",
    ],
    "subscriptions_listed": [
        f"'active', 'nothing', 'usd', {NOW}, 50",
        *(f"'{each}', null, 'usd', {NOW}, 50" for each in ("active", "past_due", "scheduled", "paused")),
    ],
}
# What is read follows something else than the rows shown; each with how many rows that may be here.
MORE_ROWS = {
    "count_licence_impacts": 20_000,  # the patients of each licence; the worker's
    "count_to_collect": 20_000,  # what failed within 60 days; the worker's
    "count_retryable": 20_000,  # what failed within 60 days; the worker's
    "distribution": 6_000,  # every provider
    "expiring_licences": 20_000,
    "list_expiring_licences": 20_000,  # the patients of each licence, where they are quickly counted
    "reminders_due": 100_000,  # the patients of up to 200 licences, and who is left in their states; the worker's
    "search_providers": 12_000,  # every provider
    "states_at_risk": 12_000,
    "verifications_due": 12_000,
    "without_provider": 12_000,
    "find_payments": 13_000,  # the sums are of the newest 10,000; the few disputes here are read whole for each row
    "inbox_figures": 16_000,  # the hours before and after the business days
    "journal_by_payout": 6_000,  # the payouts' own movements
    "list_providers": 20_000,  # a thousand are shown
    "list_recovery": 20_000,  # what failed within 60 days
    "candidates": 6_000,  # every provider
    "checklist_facts": 6_000,
    "metric_samples": 6_000,  # the first time: the newest 2,000 events
    "metrics": 30_000,  # up to 2,000 times of each measure are read one by one; sums by day
    "mirrored_between": 6_000,  # what a comparison of seven days shows
    "missing_terms": 6_000,
    "overview": 80_000,  # two periods of the metrics
    "refresh_reconciliation": 300_000,  # every day is stale here
    "revenue": 15_000,  # sums by day, over two years
    "revenue_by_month": 10_000,  # sums by day, and the customers who changed
    "subscription_figures": 5_000,  # sums by day, and the customers who changed
    "state_coverage": 10_000,  # every provider
}
# What reads a growing table whole, and why that is right or what it would take.
READS_WHOLE = {
    "checklist_facts": {"subscriptions"},  # the prices in use; asked by hand
    "missing_terms": {"subscription_history"},  # the worker, every ten seconds: subscriptions alone
    "refresh_reconciliation": {"balance_transactions", "charges"},  # every day is stale here
    "subscription_currencies": {"subscriptions"},
}
# Indexes that no call here reads, and what does.
USED_ELSEWHERE = {
    "capture_facts_day": "a changed day is counted again",
    "capture_facts_payment": "a changed payment is counted again",
    "checkout_sessions_tied": "the fetch of objects whose events are of one second",
    "consultations_ended": "the list of ended consultations",
    "customers_tied": "as for checkout sessions",
    "event_handlings_due": "events to apply again",
    "invoice_payments_tied": "as for checkout sessions",
    "invoices_tied": "as for checkout sessions",
    "payment_facts_created_day": "a changed day is counted again, and abandoned payments of some days",
    "payment_facts_day": "a changed day is counted again, and failed payments of some days",
    "payment_facts_first_attempt": "alerts about payments decided lately",
    "payment_facts_found_failure": "a changed day is counted again",
    "subscription_history_ends": "what ends while time moves on",
    "subscription_history_starts": "what begins while time moves on",
    "subscription_history_customer": "a changed subscription is counted again",
    "subscription_history_paying": "the customers behind a period's start or end",
    "running_subscriptions_customer": "a changed subscription is placed again",
    "subscription_history_leaving": "cancellations to come, as of a time in the past",
    "subscription_history_price": "a changed price's subscriptions",
    "subscription_snapshots_of": "a changed subscription is counted again",
    "subscriptions_tied": "as for checkout sessions",
}
OF_PROVIDERS = {"licences", "providers", "availability"}  # grow with the staff, and not with what they do
# What begins with a row that was found before, or writes what it is given.
NOT_CALLED = set(
    """
    begin_confirmation begin_sign_in check_dispute_answerable claim_job confirm_session heartbeat missing_events
    note_failed_payment observe_past one_incident queue_reminder open_session provider read_provider_table
    record_api_call record_backfill_page record_compared_part record_complete_backfill record_event_sweep_page
    record_part_of_mismatch_fetch
    take_api_turn record_stripe_call record_terms redeem_ticket require_reason set_second_factor queue_staff_mail
    sign_in_with_identity skip_object submit_consultation
    """.split()
)


LATER = "'2027-02-05T17:00Z'"  # when the warnings are more than 60 days old
LICENCES, WARNINGS = f"list_expiring_licences(90, {LATER})", f"list_fraud_warnings({LATER})"


# What makes the figures of the reconciliation, with the partial index that keeps each from reading all these rows.
OF_DAYS = "created >= '2026-11-13T05:00Z' and created < '2026-11-27T05:00Z'"
OF_THE_RECONCILIATION = {
    "balance_transactions_unusual": (
        f"movement_faults('2026-11-13', '2026-11-26', {NOW})",
        "balance_transactions",
        OF_DAYS,
    ),
    "charges_moved_later": (
        "later_movements('2026-11-13T05:00Z', '2026-11-27T05:00Z', '2026-11-13T05:00Z')",
        "charges",
        OF_DAYS,
    ),
    "mismatches_movement": ("explained_in_payout('po_500')", "mismatches", "true"),
}
MISMATCHES = """
insert into payops.mismatches
  (key, class, leg, day, currency, subject, subject_kind, amount_minor, difference_minor, facts, first_seen, last_seen)
select
  'key_' || b.id, 'fee', 'operations', '2026-11-20', 'usd', b.id, 'balance_transaction', 1, 1,
  jsonb_build_object('movement', b.id), now(), now()
from payops.balance_transactions as b
order by b.created desc
limit 2000
"""
CONTENTS = """
insert into payops.payout_contents (balance_transaction_id, payout_id)
select m.subject, 'po_500' from payops.mismatches as m order by m.subject limit 20
on conflict (balance_transaction_id) do update set payout_id = excluded.payout_id
"""


def functions() -> dict[str, list[str]]:
    """The parameters of each public function that is told no actor."""
    found = {}
    for path in sorted(FUNCTIONS.rglob("*.sql")):
        for name, parameters in re.findall(r"create function payops_api\.(\w+)\(([^$]*?)\) returns", path.read_text()):
            if "p_actor " not in parameters:
                found[name] = re.findall(r"p_(\w+) ([\w ]+?)(?:\[\])?( default [^,]+)?(?:,|$)", parameters.strip())
    return found


def calls() -> Iterator[str]:
    for name, parameters in functions().items():
        if name in NOT_CALLED:
            continue
        given = [
            f"p_{parameter} => {IDS.get(name, 'null') if parameter == 'id' else ARGUMENTS.get(parameter, 'null')}"
            for parameter, _, default in parameters
            if not default
        ]
        yield f"{name}({', '.join(given)})"
        yield from (f"{name}({each})" for each in ALSO.get(name, ()))


@pytest.fixture(scope="module")
def big(server) -> Iterator[psycopg.Connection]:
    name = "payops_plans"
    with psycopg.connect(server.owner_conninfo, autocommit=True) as owner:
        owner.execute(f"drop database if exists {name}")
        owner.execute(f"create database {name}")
        conninfo = make_conninfo(server.owner_conninfo, dbname=name)
        deploy(conninfo)
        big_data.fill(conninfo, PAYMENTS, days=DAYS)
        big_data.recount(conninfo)
        with psycopg.connect(conninfo) as connection:
            # As on a connection that is kept: its plans do not know the period that is asked for.
            connection.execute("set plan_cache_mode = 'force_generic_plan'")
            yield connection
        owner.execute(f"drop database {name} with (force)")


READ = """
select coalesce(jsonb_object_agg(t.relname, jsonb_build_array(t.seq_tup_read, coalesce(t.idx_tup_fetch, 0))), '{}')
from pg_stat_xact_user_tables as t where t.schemaname = 'payops'
"""


UNUSED = """
select x.relname
from pg_index as i
inner join pg_class as x on i.indexrelid = x.oid
inner join pg_class as t on i.indrelid = t.oid
where t.relnamespace = 'payops'::regnamespace and t.relname = any(%s) and not i.indisunique
  and pg_stat_get_xact_numscans(i.indexrelid) = 0
"""


def rows_read(big: psycopg.Connection, call: str) -> tuple[dict[str, int], int]:
    """Rows that a call read in scans of whole tables, by table, and rows that it read in all."""
    before = big.execute(READ).fetchone()[0]
    with big.transaction(force_rollback=True):
        big.execute(f"select payops_api.{call}")
    after = big.execute(READ).fetchone()[0]
    read = {
        table: [now - then for now, then in zip(counts, before.get(table, [0, 0]), strict=True)]
        for table, counts in after.items()
    }
    return {table: whole for table, (whole, _) in read.items() if whole}, sum(map(sum, read.values()))


@pytest.fixture(scope="module")
def asked(big) -> tuple[list[str], set[str]]:
    """Every call, made once: what is wrong with the rows that it read, and the indexes that no call used."""
    grown = {
        table
        for (table,) in big.execute(
            "select relname from pg_class where relnamespace = 'payops'::regnamespace and reltuples > %s", (GROWS_FROM,)
        )
    } - OF_PROVIDERS
    assert {"events", "payment_intents", "charges", "subscription_history", "consultations"} <= grown
    problems = []
    for call in calls():
        try:
            whole, read = rows_read(big, call)
        except psycopg.Error as error:
            problems.append(f"{call}: {str(error).splitlines()[0]}")
            continue
        name = call.partition("(")[0]
        whole_tables = whole.keys() & grown - READS_WHOLE.get(name, set())
        problems += [f"{call} reads {table} whole" for table in sorted(whole_tables)]
        if read > MORE_ROWS.get(name, MOST_ROWS):
            problems.append(f"{call} reads {read:,} rows")
    unused = big.execute(UNUSED, (list(grown),)).fetchall()
    return problems, {name for (name,) in unused}


def test_no_call_reads_a_growing_table_whole_or_many_more_rows_than_it_shows(asked):
    assert not asked[0], "\n".join(asked[0])


def test_precomputed_counts_are_read(big):
    """What ending licences affect, and what became of earlier warnings: no patients, nor the warnings."""
    with big.transaction(force_rollback=True):
        before = {call: rows_read(big, call)[1] for call in (LICENCES, WARNINGS)}
        for count in ("count_licence_impacts", "count_warnings"):
            big.execute(f"select payops_api.{count}({LATER})")
        big.execute("update payops.kept_counts set took = '1 s', counted_at = clock_timestamp()")
        saved = {call: before[call] - rows_read(big, call)[1] for call in before}
    assert saved[LICENCES] > 1_000
    assert saved[WARNINGS] > 20


def test_every_index_of_a_growing_table_is_used(asked):
    """An index that nothing reads costs every event that is written: it is dropped, or here is said what reads it."""
    found = sorted(asked[1] - USED_ELSEWHERE.keys())
    assert not found, "\n".join(found)


@pytest.mark.parametrize("index", OF_THE_RECONCILIATION)
def test_the_reconciliation_finds_what_is_unusual_by_its_partial_index(big, index):
    """A query whose condition is no longer word for word that of the index reads every row of the days instead."""
    call, table, where = OF_THE_RECONCILIATION[index]
    scans = f"select pg_stat_get_xact_numscans('payops.{index}'::regclass)"
    with big.transaction(force_rollback=True):
        big.execute(MISMATCHES)
        big.execute(CONTENTS)
        big.execute("analyze payops.mismatches, payops.payout_contents")
        ((of,),) = big.execute(f"select count(*) from payops.{table} where {where}").fetchall()
        ((scanned,),) = big.execute(scans).fetchall()
        ((before,),) = big.execute(READ).fetchall()
        big.execute(f"select payops.{call}")
        ((scanned_now,),) = big.execute(scans).fetchall()
        ((after,),) = big.execute(READ).fetchall()
    assert of > 500
    assert scanned_now > scanned
    assert sum(after[table]) - sum(before[table]) < 0.5 * of


def test_a_changed_day_is_counted_again_without_the_rows_of_other_days(big):
    """What the worker does every second: a day's worth of each table is read, by its index."""
    before = dict(big.execute("select relname, seq_tup_read from pg_stat_xact_user_tables where schemaname = 'payops'"))
    with big.transaction(force_rollback=True):
        big.execute("insert into payops.stale_revenue_days (day) values ('2026-11-20')")
        big.execute("select payops_api.recount_stale(1000)")
        ((days,),) = big.execute("select count(*) from payops.daily_revenue where day = '2026-11-20'").fetchall()
    whole = {
        table: read - before.get(table, 0)
        for table, read in big.execute(
            "select relname, seq_tup_read from pg_stat_xact_user_tables where schemaname = 'payops'"
        )
    }
    assert days > 0
    assert {table: read for table, read in whole.items() if read > GROWS_FROM} == {}
