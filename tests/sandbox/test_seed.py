"""The generated history: reproducible, consistent in its amounts, realistic figures, unfinished at its end."""

import hashlib
import sqlite3
import subprocess
import sys
import time
from collections import Counter, defaultdict
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
import stripe as sdk

from core.events.repair.backfill import load_history
from core.monitoring.alerts import dry_run
from core.monitoring.alerts.rules import RULES
from core.sandbox.engine.clock import clock_offset_seconds
from core.sandbox.engine.engine import database_path
from core.sandbox.process import ensure_running, stop
from core.sandbox.seed import AlreadySeeded, seed_sandbox
from core.sandbox.seed.business import DAY_SECONDS, EVENT_DAYS
from core.sandbox.seed.outage import outage_before
from core.sandbox.traffic.history import iter_events, iter_objects
from tests.sandbox.conftest import Running

UNTIL = 1_782_831_600  # a Tuesday afternoon in June 2026
TABLES = ("objects", "events", "due", "hidden")
CLASSES = {
    "balance_transaction": sdk.BalanceTransaction,
    "charge": sdk.Charge,
    "checkout.session": sdk.checkout.Session,
    "coupon": sdk.Coupon,
    "customer": sdk.Customer,
    "dispute": sdk.Dispute,
    "invoice": sdk.Invoice,
    "invoice_payment": sdk.InvoicePayment,
    "payment_intent": sdk.PaymentIntent,
    "payment_method": sdk.PaymentMethod,
    "payout": sdk.Payout,
    "price": sdk.Price,
    "product": sdk.Product,
    "promotion_code": sdk.PromotionCode,
    "radar.early_fraud_warning": sdk.radar.EarlyFraudWarning,
    "refund": sdk.Refund,
    "subscription": sdk.Subscription,
}


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    """The whole eighteen months."""
    data_dir = tmp_path_factory.mktemp("history")
    seed_sandbox(data_dir, seed=1, until=UNTIL)
    return data_dir


def rows(data_dir, statement):
    with sqlite3.connect(database_path(data_dir)) as connection:
        return connection.execute(statement).fetchall()


def fingerprint(data_dir):
    digest = hashlib.sha256()
    for table in TABLES:
        for row in rows(data_dir, f"select * from {table} order by 1"):
            digest.update(repr(row).encode())
    return digest.hexdigest()


def paid_share(intents):
    """Of those that were tried at all."""
    tried = [i["status"] == "succeeded" for i in intents if i["latest_charge"] or i["last_payment_error"]]
    return sum(tried) / len(tried)


class TestTheSameEachTime:
    WRITE = (
        "import sys,pathlib;from core.sandbox.seed import seed_sandbox as s;"
        "s(pathlib.Path(sys.argv[1]),seed=int(sys.argv[2]),until=int(sys.argv[3]),days=40)"
    )

    def test_one_seed_gives_the_same_bytes_in_any_process(self, tmp_path):
        seed_sandbox(tmp_path / "here", seed=7, until=UNTIL, days=40)
        asked = [sys.executable, "-c", self.WRITE, str(tmp_path / "there"), "7", str(UNTIL)]
        subprocess.run(asked, check=True, env={"PYTHONHASHSEED": "42"})
        assert fingerprint(tmp_path / "here") == fingerprint(tmp_path / "there")

    def test_another_seed_gives_another_history(self, tmp_path):
        for seed in (1, 2):
            seed_sandbox(tmp_path / str(seed), seed=seed, until=UNTIL, days=5)
        assert fingerprint(tmp_path / "1") != fingerprint(tmp_path / "2")

    def test_a_sandbox_with_data_is_not_seeded_again(self, tmp_path):
        seed_sandbox(tmp_path, seed=1, until=UNTIL, days=5)
        before = fingerprint(tmp_path)
        with pytest.raises(AlreadySeeded):
            seed_sandbox(tmp_path, seed=2, until=UNTIL, days=5)
        assert fingerprint(tmp_path) == before

    def test_the_sandboxs_clock_goes_on_where_the_history_ends(self, tmp_path):
        seed_sandbox(tmp_path, seed=1, until=UNTIL, days=3)
        assert time.time() + clock_offset_seconds(tmp_path) == pytest.approx(UNTIL, abs=60)


class TestMoney:
    def test_every_payout_is_the_sum_of_its_balance_transactions(self, history):
        nets = defaultdict(int)
        payout_of = dict(rows(history, "select id, sibling from objects where type = 'balance_transaction'"))
        for txn in iter_objects(history, "balance_transaction"):
            assert txn["net"] == txn["amount"] - txn["fee"]
            nets[payout_of[txn["id"]], txn["currency"], txn["type"] == "payout"] += txn["net"]
        for payout in iter_objects(history, "payout"):
            key = payout["id"], payout["currency"]
            assert (nets[*key, False], nets[*key, True]) == (payout["amount"], -payout["amount"])

    def test_every_balance_transaction_belongs_to_its_source_and_adds_up_to_it(self, history):
        moved = defaultdict(list)
        for txn in iter_objects(history, "balance_transaction"):
            moved[txn["source"]].append(txn)
        for charge in iter_objects(history, "charge"):
            assert sum(txn["amount"] for txn in moved.pop(charge["id"], [])) == charge["amount_captured"]
        for refund in iter_objects(history, "refund"):
            given_back = 0 if refund["status"] == "failed" else refund["amount"]
            assert sum(txn["amount"] for txn in moved.pop(refund["id"])) == -given_back
        for dispute in iter_objects(history, "dispute"):
            own = moved.pop(dispute["id"], [])
            assert own == dispute["balance_transactions"]
            kept_back = dispute["status"] in ("needs_response", "under_review", "lost")
            assert sum(txn["amount"] for txn in own) == (-dispute["amount"] if kept_back else 0)
        assert moved.keys() == {payout["id"] for payout in iter_objects(history, "payout")}

    def test_a_charge_has_its_refunded_amount(self, history):
        given_back = Counter()
        for refund in iter_objects(history, "refund"):
            if refund["status"] != "failed":
                given_back[refund["charge"]] += refund["amount"]
        for charge in iter_objects(history, "charge"):
            assert charge["amount_refunded"] == given_back[charge["id"]] <= charge["amount_captured"]
            assert charge["refunded"] == (0 < charge["amount"] == charge["amount_refunded"])

    def test_an_invoice_is_paid_by_the_intent_it_names(self, history):
        intents = {intent["id"]: intent for intent in iter_objects(history, "payment_intent")}
        invoices = {invoice["id"]: invoice for invoice in iter_objects(history, "invoice")}
        for link in iter_objects(history, "invoice_payment"):
            invoice, intent = invoices[link["invoice"]], intents[link["payment"]["payment_intent"]]
            assert invoice["amount_paid"] == (link["amount_paid"] or 0) == intent["amount_received"]
            assert (invoice["status"] == "paid") == (intent["status"] == "succeeded")


class TestABelievableBusiness:
    def test_more_than_25000_payments_of_which_nearly_all_succeed(self, history):
        intents = list(iter_objects(history, "payment_intent"))
        assert len([i for i in intents if i["latest_charge"]]) > 25_000
        assert 0.955 < paid_share(intents) < 0.98

    def test_a_payment_tried_again_stays_one_intent_with_several_charges(self, history):
        charges = defaultdict(list)
        for charge in iter_objects(history, "charge"):
            charges[charge["payment_intent"]].append(charge)
        assert len([tries for tries in charges.values() if len(tries) > 1]) > 1000
        for intent in iter_objects(history, "payment_intent"):
            tries = charges[intent["id"]]
            assert intent["latest_charge"] == (tries[-1]["id"] if tries else None)
            assert [t["paid"] for t in tries[:-1]] == [False] * (len(tries) - 1 if tries else 0)
            assert (intent["status"] == "succeeded") == any(t["paid"] for t in tries)

    def test_checkout_sessions_are_paid_abandoned_or_still_open(self, history):
        intents = {intent["id"]: intent for intent in iter_objects(history, "payment_intent")}
        sessions = list(iter_objects(history, "checkout.session"))
        statuses = Counter(session["status"] for session in sessions)
        assert statuses["complete"] > 3000 and statuses["expired"] > 100
        for session in sessions:
            assert (session["status"] == "open") == (session["expires_at"] > UNTIL) or session["payment_intent"]
            if session["status"] == "complete":
                intent = intents[session["payment_intent"]]
                metadata = dict(intent["metadata"])
                assert metadata.pop("payopsCart").endswith(f":{intent['amount']}")
                assert (session["amount_total"], session["metadata"]) == (intent["amount"], metadata)

    def test_declines_are_mostly_insufficient_funds_and_use_stripes_messages(self, history):
        failed = [c for c in iter_objects(history, "charge") if c["status"] == "failed"]
        reasons = Counter(charge["outcome"]["reason"] for charge in failed)
        assert reasons.most_common(1)[0][0] == "insufficient_funds"
        assert len(reasons) > 15
        for charge in failed:
            blocked = charge["outcome"]["type"] == "blocked"
            expected = "not_sent_to_network" if blocked else "declined_by_network"
            assert charge["outcome"]["network_status"] == expected
            assert charge["balance_transaction"] is None

    def test_volume_grows_and_is_lower_at_night_and_on_sundays(self, history):
        moments = [intent["created"] for intent in iter_objects(history, "payment_intent")]
        first, last = min(moments), max(moments)
        quarter = 91 * DAY_SECONDS
        assert sum(m > last - quarter for m in moments) > 1.8 * sum(m < first + quarter for m in moments)
        eastern_hours = Counter(time.gmtime(m - 5 * 3600).tm_hour for m in moments)
        assert eastern_hours[11] > 10 * eastern_hours[3]
        weekdays = Counter(time.gmtime(m - 5 * 3600).tm_wday for m in moments)
        assert weekdays[0] > 1.2 * weekdays[6]

    def test_the_last_day_is_as_busy_as_the_day_before(self, history):
        ages = [(UNTIL - i["created"]) // DAY_SECONDS for i in iter_objects(history, "payment_intent")]
        assert 0.6 < ages.count(0) / ages.count(1) < 1.6

    def test_the_bad_day_stands_out(self, history):
        outage = outage_before(UNTIL)
        intents = list(iter_objects(history, "payment_intent"))
        struck = paid_share(i for i in intents if outage.covers(i["created"]))
        week = range(outage.since - 7 * DAY_SECONDS, outage.since)
        assert 0.55 < struck < 0.85 < 0.93 < paid_share(i for i in intents if i["created"] in week)

    def test_a_dry_run_of_the_alerts_finds_the_bad_day_and_no_other(self, history, database, owner):
        def newest(kind):
            paid = kind in ("payment_intent", "charge")
            return (each for each in iter_objects(history, kind) if paid and each["created"] > UNTIL - 70 * DAY_SECONDS)

        now = datetime.fromtimestamp(UNTIL, UTC)
        for _ in load_history(database, newest, lambda _: [], now=now):
            pass
        database.call("recount_stale")
        outage = outage_before(UNTIL)
        rules = ("success_rate_low", "success_rate_dropped", "decline_code_rising", "issuer_country_rising")
        found = {rule: dry_run.dry_run(database, RULES[rule], lambda: now).episodes for rule in rules}
        assert found["success_rate_low"] and found["success_rate_dropped"]
        for rule, episodes in found.items():
            assert all(outage.covers(int(each.first.at.timestamp())) for each in episodes), rule

    def test_dunning_recovers_more_than_it_loses(self, history):
        ended = Counter(
            invoice["status"]
            for invoice in iter_objects(history, "invoice")
            if invoice["attempt_count"] > 1 and invoice["billing_reason"] == "subscription_cycle"
        )
        assert 0.5 < ended["paid"] / (ended["paid"] + ended["uncollectible"]) < 0.7

    def test_monthly_churn_is_about_one_in_seventeen_by_choice_or_nonpayment(self, history):
        subscriptions = list(iter_objects(history, "subscription"))
        rates, reasons = [], Counter()
        for month in range(1, 13):
            start, end = (UNTIL - (month - n) * 30 * DAY_SECONDS for n in (0, 1))
            there = [s for s in subscriptions if s["created"] < start and (s["ended_at"] or end) >= start]
            left = [s for s in there if (s["ended_at"] or end) < end]
            rates.append(len(left) / len(there))
            reasons.update(s["cancellation_details"]["reason"] for s in left)
        assert 0.04 < sum(rates) / len(rates) < 0.08
        assert reasons["cancellation_requested"] > reasons["payment_failed"] > reasons["payment_disputed"] > 0

    def test_refunds_and_disputes_are_as_rare_as_in_a_healthy_business(self, history):
        paid = sum(charge["paid"] for charge in iter_objects(history, "charge"))
        assert 0.02 < sum(1 for _ in iter_objects(history, "refund")) / paid < 0.03
        disputes = list(iter_objects(history, "dispute"))
        assert 0.003 < len(disputes) / paid < 0.0055
        outcomes = Counter(dispute["status"] for dispute in disputes)
        assert outcomes["lost"] > outcomes["won"] > 0 < outcomes["warning_closed"]
        assert any(iter_objects(history, "radar.early_fraud_warning"))

    def test_there_is_work_to_do_at_the_end_of_the_history(self, history):
        waiting = [d for d in iter_objects(history, "dispute") if d["status"].endswith("needs_response")]
        assert len(waiting) >= 3
        assert all(UNTIL < d["evidence_details"]["due_by"] < UNTIL + 45 * DAY_SECONDS for d in waiting)
        assert [r for r in iter_objects(history, "refund") if r["status"] == "pending"]
        statuses = Counter(s["status"] for s in iter_objects(history, "subscription"))
        assert statuses["past_due"] > 3 and statuses["trialing"] > 3 and statuses["active"] > 700
        renewals = [i for i in iter_objects(history, "invoice") if i["billing_reason"] == "subscription_cycle"]
        unpaid = [i for i in renewals if i["status"] == "open"]
        assert all(i["next_payment_attempt"] > UNTIL for i in unpaid) and len(unpaid) > 3


class TestStripesShapes:
    def test_every_object_has_exactly_the_fields_of_the_sdk(self, history):
        for object_type, stripe_class in CLASSES.items():
            known = {}
            for base in reversed(stripe_class.__mro__):
                known |= {n: str(t) for n, t in base.__dict__.get("__annotations__", {}).items()}
            promised = {n for n, t in known.items() if not any(w in t for w in ("Optional", "None", "ClassVar"))}
            shapes = {frozenset(obj) for obj in iter_objects(history, object_type)}
            assert shapes
            for shape in shapes:
                assert shape <= known.keys(), object_type
                assert {n for n in promised if not n.startswith("_")} <= shape, object_type

    def test_every_reference_is_to_an_object_that_existed_at_that_time(self, history):
        created = dict(rows(history, "select id, created from objects"))
        for charge in iter_objects(history, "charge"):
            for name in ("customer", "payment_intent", "payment_method"):
                assert created[charge[name]] <= charge["created"]
        for kind, name in (("refund", "charge"), ("dispute", "charge"), ("subscription", "latest_invoice")):
            assert all(obj[name] in created for obj in iter_objects(history, kind))

    def test_nothing_happens_after_the_end_of_the_history(self, history):
        assert rows(history, "select max(created) from objects")[0][0] <= UNTIL
        assert rows(history, "select max(created) from events")[0][0] <= UNTIL
        assert rows(history, "select min(at) from due")[0][0] > UNTIL


class TestEvents:
    def test_the_last_event_of_the_last_weeks_shows_each_object_as_it_is(self, history):
        since = UNTIL - EVENT_DAYS * DAY_SECONDS
        told = {}
        for event in iter_events(history):
            if event["created"] >= since and event["data"]["object"]["object"] != "discount":
                told[event["data"]["object"]["id"]] = event["data"]["object"]
        assert len(told) > 5000
        bodies = {kind: None for kind in {shown["object"] for shown in told.values()}}
        for kind in bodies:
            now = {obj["id"]: obj for obj in iter_objects(history, kind) if obj["id"] in told}
            for object_id, shown in told.items():
                if shown["object"] == kind:
                    assert shown == now[object_id]

    def test_older_events_are_only_those_that_no_object_records(self, history):
        since = UNTIL - EVENT_DAYS * DAY_SECONDS
        older = [event for event in iter_events(history) if event["created"] < since]
        kinds = {event["type"] for event in older}
        assert {k for k in kinds if not k.startswith("customer.subscription.")} == {"payment_intent.payment_failed"}
        failed = [e for e in older if e["type"] == "payment_intent.payment_failed"]
        assert failed and all("charge" not in e["data"]["object"]["last_payment_error"] for e in failed)

    def test_each_subscription_has_events_from_start_to_end(self, history):
        lives = defaultdict(list)
        for event in iter_events(history):
            if event["type"].startswith("customer.subscription."):
                lives[event["data"]["object"]["id"]].append(event)
        for subscription in iter_objects(history, "subscription"):
            told = lives[subscription["id"]]
            assert told[0]["type"] == "customer.subscription.created"
            assert told[-1]["data"]["object"] == subscription
            assert all(before["created"] <= after["created"] for before, after in pairwise(told))
            ends = [event for event in told if event["type"] == "customer.subscription.deleted"]
            assert ends == ([told[-1]] if subscription["status"] == "canceled" else [])


def test_the_business_continues_after_the_history(tmp_path: Path):
    """A month later what was left open has happened, and nothing of it stumbled."""
    seed_sandbox(tmp_path, seed=3, until=UNTIL, days=45)
    sandbox = Running(tmp_path, ensure_running(tmp_path))
    try:
        before = Counter(i["status"] for i in iter_objects(tmp_path, "invoice"))
        stripe = sandbox.client()
        newest = stripe.v1.payment_intents.list({"limit": 100, "created": {"gte": UNTIL - 7 * DAY_SECONDS}})
        assert newest.data and newest.has_more
        _advance(sandbox, 31 * DAY_SECONDS)
        after = Counter(i["status"] for i in iter_objects(tmp_path, "invoice"))
        assert after["paid"] > before["paid"] + 50
        assert not stripe.v1.subscriptions.list({"status": "incomplete"}).data
        overdue = [d for d in iter_objects(tmp_path, "dispute") if d["status"] == "needs_response"]
        assert all(d["evidence_details"]["due_by"] > UNTIL + 31 * DAY_SECONDS for d in overdue)
        assert "Traceback" not in (tmp_path / "sandbox" / "sandbox.log").read_text()
    finally:
        stop(tmp_path)


def _advance(sandbox: Running, seconds: int) -> None:
    import httpx

    address = sandbox.address.base_url + "/sandbox/clock/advance"
    httpx.post(address, json={"seconds": seconds}, timeout=120, trust_env=False).raise_for_status()
