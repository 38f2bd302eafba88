"""Whatever arrives, in whatever order and however often, the inbox has it once and the mirror ends the same."""

import itertools
import time
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.events import inbox
from core.events.registry import UNKNOWN_TYPE, on, projected_types, why_ignored
from tests.factories import START, body_of, charge, event, intent

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)

PAYMENT_LIFE = [
    event("evt_a", "payment_intent.created", intent()),
    event(
        "evt_b",
        "payment_intent.payment_failed",
        intent(last_payment_error={"code": "card_declined", "decline_code": "insufficient_funds", "charge": "ch_0"}),
        at=START + 5,
    ),
    event("evt_c", "payment_intent.succeeded", intent(status="succeeded", amount_received=4900), at=START + 9),
    event("evt_d", "charge.succeeded", charge(), at=START + 9),
    event("evt_e", "charge.updated", charge(balance_transaction="txn_1"), at=START + 9),
    event("evt_f", "charge.refunded", charge(amount_refunded=900), at=START + 60),
]


def receive(database, *events, livemode=False):
    batch = [inbox.prepare(each, body_of(each), livemode=livemode) for each in events]
    return inbox.receive(database, batch, now=NOW)


def mirror(owner):
    rows = "select to_jsonb(r) from payops.{} as r order by r.id"
    return {table: owner.execute(rows.format(table)).fetchall() for table in ("payment_intents", "charges")}


def empty(owner):
    owner.execute("set session_replication_role = replica")
    for table in ("recorded_batches", "event_handlings", "events", "incidents", "payment_intents", "charges"):
        owner.execute(f"delete from payops.{table}")
    owner.execute("set session_replication_role = origin")


def test_an_event_is_applied_once_however_often_it_comes(database, owner):
    assert receive(database, PAYMENT_LIFE[0], PAYMENT_LIFE[0]) == ["applied", "duplicate"]
    assert receive(database, PAYMENT_LIFE[0]) == ["duplicate"]
    assert owner.execute("select count(*) from payops.events").fetchone() == (1,)


def test_the_newest_snapshot_is_what_the_mirror_holds(database, owner):
    assert receive(database, *PAYMENT_LIFE) == ["applied"] * 6
    assert owner.execute(
        "select status, amount_received_minor, order_id, patient_id, error_code from payops.payment_intents"
    ).fetchall() == [("succeeded", 4900, "order-1", "patient-1", None)]
    assert owner.execute("select amount_refunded_minor, card_last4 from payops.charges").fetchall() == [(900, "4242")]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_order_with_any_duplicates_ends_in_the_same_mirror(database, owner, data):
    shuffled = data.draw(st.permutations(PAYMENT_LIFE + data.draw(st.lists(st.sampled_from(PAYMENT_LIFE)))))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(shuffled)), max_size=4)))
    empty(owner)
    for start, end in itertools.pairwise([0, *cuts, len(shuffled)]):
        receive(database, *shuffled[start:end])
    found = mirror(owner)
    empty(owner)
    receive(database, *PAYMENT_LIFE)
    assert found == mirror(owner)


def test_two_snapshots_of_one_second_leave_the_row_marked_in_either_order(database, owner):
    for pair in itertools.permutations(PAYMENT_LIFE[3:5]):
        empty(owner)
        receive(database, *pair)
        assert owner.execute("select event_id, tied from payops.charges").fetchall() == [("evt_e", True)]


def test_a_later_snapshot_takes_the_mark_away(database, owner):
    receive(database, *PAYMENT_LIFE[3:6])
    assert owner.execute("select event_id, tied from payops.charges").fetchall() == [("evt_f", False)]


def test_a_bad_event_is_kept_as_failed_and_affects_no_other(database, owner):
    without_amount = intent(id="pi_2")
    del without_amount["amount"]
    half_a_cent = intent(id="pi_3", amount=1.5)
    outcomes = receive(
        database,
        event("evt_1", "payment_intent.created", intent()),
        event("evt_2", "payment_intent.created", without_amount),
        event("evt_3", "payment_intent.created", half_a_cent),
        event("evt_4", "charge.succeeded", charge()),
    )
    assert outcomes == ["applied", "failed", "failed", "applied"]
    due = owner.execute("select event_id from payops.event_handlings where next_attempt_at is not null order by 1")
    assert due.fetchall() == [("evt_2",), ("evt_3",)]


HOW_IT_WENT = (
    "select e.type, e.object_id, h.outcome, h.reason from payops.events as e"
    " join payops.event_handlings as h on h.event_id = e.id"
)


def test_an_unknown_type_is_stored_and_ignored(database, owner):
    assert receive(database, event("evt_1", "moon.landed", {"id": "moon_1"})) == ["ignored"]
    assert owner.execute(HOW_IT_WENT).fetchall() == [("moon.landed", "moon_1", "ignored", "unknown type")]


def test_an_invalid_type_is_stored_without_its_text(database, owner):
    assert receive(database, event("evt_1", "ana.lima@example.com", {"id": "x_1"})) == ["ignored"]
    assert owner.execute("select type from payops.events").fetchall() == [("[redacted]",)]


def test_a_thin_event_is_stored_and_ignored(database, owner):
    thin = {
        "id": "evt_v2",
        "object": "v2.core.event",
        "type": "v2.core.account.updated",
        "created": "2026-11-24T10:00:00.000Z",
        "livemode": False,
        "related_object": {"id": "acct_1", "type": "v2.core.account", "url": "/v2/core/accounts/acct_1"},
    }
    assert receive(database, thin) == ["ignored"]
    assert owner.execute(HOW_IT_WENT).fetchall() == [("v2.core.account.updated", "acct_1", "ignored", "unknown type")]


def test_a_type_that_changes_nothing_is_ignored_with_its_reason(database, owner):
    assert receive(database, event("evt_1", "product.updated", {"id": "prod_1"})) == ["ignored"]
    assert owner.execute(HOW_IT_WENT).fetchall() == [
        ("product.updated", "prod_1", "ignored", why_ignored("product.updated"))
    ]
    assert why_ignored("product.updated") != UNKNOWN_TYPE


def test_an_event_of_the_other_livemode_has_no_effect_and_raises_an_incident(database, owner):
    assert receive(database, event("evt_1", "charge.succeeded", charge(), livemode=True)) == ["quarantined"]
    assert owner.execute("select count(*) from payops.charges").fetchone() == (0,)
    assert owner.execute("select kind from payops.incidents").fetchall() == [("mode_mismatch",)]


def test_the_same_id_with_another_body_changes_nothing_and_raises_an_incident(database, owner):
    receive(database, event("evt_1", "payment_intent.created", intent()))
    assert receive(database, event("evt_1", "payment_intent.created", intent(amount=1))) == ["duplicate"]
    assert owner.execute("select amount_minor from payops.payment_intents").fetchall() == [(4900,)]
    assert owner.execute("select kind from payops.incidents").fetchall() == [("event_changed",)]


def test_the_same_id_with_another_body_in_one_batch_changes_nothing_either(database, owner):
    first, second = intent(), intent(amount=1)
    outcomes = receive(
        database,
        event("evt_1", "payment_intent.created", first),
        event("evt_2", "charge.succeeded", charge()),
        event("evt_1", "payment_intent.created", second),
    )
    assert outcomes == ["applied", "applied", "duplicate"]
    assert owner.execute("select amount_minor from payops.payment_intents").fetchall() == [(4900,)]
    assert owner.execute("select kind, sample ->> 'event' from payops.incidents").fetchall() == [
        ("event_changed", "evt_1")
    ]


def test_pending_webhooks_do_not_change_an_events_body(database, owner):
    told = event("evt_1", "payment_intent.created", intent(), pending_webhooks=2)
    assert receive(database, told) == ["applied"]
    assert receive(database, told | {"pending_webhooks": 1}) == ["duplicate"]
    assert owner.execute("select count(*) from payops.incidents").fetchone() == (0,)


def test_a_fetched_event_has_the_same_body(database, owner):
    told = event("evt_1", "payment_intent.created", intent())
    fetched = inbox.prepare(told, b"", livemode=False)
    assert inbox.receive(database, [fetched], now=NOW) == ["applied"]
    assert receive(database, told) == ["duplicate"]
    assert owner.execute("select count(*) from payops.incidents").fetchone() == (0,)


def test_database_refusals_are_reported_without_values(database, owner):
    card = {"brand": "visa", "exp_month": '4242 4242 4242 4242 of "Ana" Lima'}
    private = charge(payment_method_details={"type": "card", "card": card})
    assert receive(database, event("evt_1", "charge.succeeded", private)) == ["failed"]
    (reason,) = owner.execute("select reason from payops.event_handlings").fetchone()
    assert "integer" in reason and "4242" not in reason and "Lima" not in reason
    assert owner.execute("select outcome, actor from payops.event_attempts").fetchall() == [("failed", "system:inbox")]


def test_an_event_is_handled_after_it_was_received_and_was_received_when_its_request_came(database, owner):
    told = event("evt_1", "payment_intent.created", intent())
    arrived = time.monotonic() - 3
    inbox.receive(database, [inbox.prepare(told, body_of(told), livemode=False, arrived=arrived)], now=NOW)
    waited, worked = owner.execute(
        "select extract(epoch from %s - e.received_at), h.handled_at > %s from payops.events as e"
        " join payops.event_handlings as h on h.event_id = e.id",
        (NOW, NOW),
    ).fetchone()
    assert 3 <= waited < 10 and worked


def test_no_personal_data_or_client_secret_is_stored(database, owner):
    receive(database, *PAYMENT_LIFE)
    stored = owner.execute("select string_agg(to_jsonb(e)::text, '') from payops.events as e").fetchone()[0]
    stored += str(mirror(owner))
    for private in ("Ana", "ana@example.com", "555 0147", "pi_1_secret_abc"):
        assert private not in stored


@pytest.mark.parametrize("event_type", list(projected_types()))
@pytest.mark.parametrize("subject", [None, [], "text", {}, {"id": 1}, {"id": "x", "created": "soon"}])
def test_an_invalid_object_is_stored_and_raises_nothing(event_type, subject):
    odd = event("evt_1", event_type, subject)
    assert inbox.prepare(odd, body_of(odd), livemode=False).outcome == "failed"


def test_a_type_registered_twice_is_refused_when_it_is_registered():
    with pytest.raises(ValueError, match="charge.succeeded is registered twice"):
        on("charge.succeeded")(lambda snapshot: {})


@pytest.mark.parametrize("account", ["acct_1ConnectedShop", 17, {"id": "acct_1"}])
def test_an_event_of_a_connected_account_is_quarantined_and_counts_nowhere(database, owner, account):
    told = event("evt_1", "charge.succeeded", charge(), account=account)
    assert receive(database, told) == ["quarantined"]
    assert owner.execute("select count(*) from payops.charges").fetchone() == (0,)
    reason = "it is about a connected account, not about ours"
    assert owner.execute("select outcome, reason from payops.event_handlings").fetchone() == ("quarantined", reason)
    stored = owner.execute("select payload -> 'account' from payops.events").fetchone()[0]
    assert stored == (account if isinstance(account, str) else "[redacted]")
    replayed = inbox.projected(database.call("events_to_replay", sought={}, limit=1)["items"][0], livemode=False)
    assert replayed == ({}, "quarantined", reason)


def test_an_event_without_an_account_is_ours(database, owner):
    assert receive(database, event("evt_1", "charge.succeeded", charge(), account=None)) == ["applied"]


def customer(owner):
    return owner.execute("select created, patient_id, currency, deleted from payops.customers").fetchall()


@pytest.mark.parametrize("order", ["deleted last", "deleted first", "deleted alone"])
def test_a_customer_deleted_by_id_alone_keeps_the_known_fields(database, owner, order):
    known = {"id": "cus_1", "object": "customer", "created": START, "currency": "usd", "metadata": {"patientId": "p_1"}}
    created = event("evt_1", "customer.created", known, at=START)
    deleted = event("evt_2", "customer.deleted", {"id": "cus_1", "object": "customer", "deleted": True}, at=START + 60)
    told = {"deleted last": [created, deleted], "deleted first": [deleted, created], "deleted alone": [deleted]}[order]
    for each in told:
        assert receive(database, each) == ["applied"]
    if order == "deleted alone":
        assert customer(owner) == [(datetime.fromtimestamp(START + 60, UTC), None, None, True)]
    else:
        assert customer(owner) == [(datetime.fromtimestamp(START, UTC), "p_1", "usd", True)]
