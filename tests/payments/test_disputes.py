"""Disputes are answered once, by permitted users, with evidence that stays at Stripe; and their figures."""

import logging
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import httpx
import pytest

from core.errors import Refused, Unauthorised
from core.payments import actions, refunds
from core.payments.disputes import disputes, evidence
from core.payments.disputes.disputes import Shown
from core.periods import Period
from core.staff.roles import Actor, Role
from tests.payments.conftest import ADMIN, FINANCE, OPS, SUPPORT

ZONE = ZoneInfo("America/New_York")
PDF = b"%PDF-1.4 a receipt"


@pytest.fixture
def disputed(context, paid, faults):
    """A paid and disputed payment, as the mirror shows it; answers the dispute."""

    def make(reason="fraudulent", amount=4900, **asked):
        intent = paid(amount, **asked)
        opened = faults.dispute(intent["latest_charge"]["id"], reason=reason)
        context.mirror(context.stripe.retrieve(f"charges/{intent['latest_charge']['id']}"))
        return context.mirror(opened)

    return make


def at_stripe(context, dispute):
    return context.stripe.retrieve(f"disputes/{dispute['id']}")


def staged(context, dispute, **fields):
    disputes.stage(context, FINANCE, dispute["id"], fields or {"uncategorized_text": "They came."})


def submit(context, dispute, actor=FINANCE, action_id=None):
    return disputes.submit(context, actor, action_id or disputes.new_id(), dispute["id"])


def accept(context, dispute, actor=FINANCE, reason="the visit did not take place"):
    return disputes.accept(context, actor, disputes.new_id(), dispute["id"], reason=reason)


def row_of(context, dispute):
    return disputes.facts_of(context.db, dispute["id"])["dispute"]


def test_evidence_is_staged_then_submitted_once_and_all_of_it_is_audited(context, disputed, owner):
    dispute = disputed()
    with pytest.raises(Refused, match="no_evidence"):
        submit(context, dispute)
    staged(context, dispute, uncategorized_text="They came.", customer_name="Ana Lima")
    assert at_stripe(context, dispute)["status"] == "needs_response"
    action = submit(context, dispute)
    found = at_stripe(context, dispute)
    assert (action.state, found["status"], found["evidence"]["customer_name"]) == ("done", "under_review", "Ana Lima")
    assert found["evidence_details"]["submission_count"] == 1
    row = row_of(context, dispute)
    assert (row["status"], row["submission_count"], row["in_flight"]) == ("under_review", 1, False)
    audit = owner.execute(
        "select action, actor, after::text from payops.audit_log where subject like %s order by id",
        (f"%{dispute['id']}",),
    ).fetchall()
    assert [(action, actor) for action, actor, _ in audit] == [
        ("payments:evidence:staged", "staff:fin"),
        ("payments:submit-evidence:begun", "staff:fin"),
        ("payments:submit-evidence:done", "staff:fin"),
    ]
    with pytest.raises(Refused, match="not_answerable"):
        submit(context, dispute)
    with pytest.raises(Refused, match="not_answerable"):
        staged(context, dispute)


def test_no_word_of_the_evidence_is_kept_or_logged(context, disputed, owner, caplog):
    caplog.set_level(logging.INFO)
    dispute = disputed()
    staged(context, dispute, customer_name="Zebulon Quill", uncategorized_text="Zebulon Quill came on Monday.")
    submit(context, dispute)
    tables = owner.execute(
        "select c.relname from pg_class c where c.relnamespace = 'payops'::regnamespace and c.relkind = 'r'"
    ).fetchall()
    for (table,) in tables:
        assert owner.execute(f"select 1 from payops.{table} as t where t::text like '%Quill%'").fetchall() == [], table


def test_a_dispute_is_accepted_with_a_reason_and_is_lost(context, disputed):
    dispute = disputed()
    with pytest.raises(Refused, match="reason_missing"):
        accept(context, dispute, reason=" ")
    action = accept(context, dispute)
    assert (action.state, at_stripe(context, dispute)["status"]) == ("done", "lost")
    assert disputes.in_words(action) == "The dispute over $49.00 is accepted."
    assert row_of(context, dispute)["status"] == "lost"


@pytest.mark.parametrize("actor", [OPS, SUPPORT])
def test_a_viewer_cannot_answer_a_dispute(context, disputed, actor):
    dispute = disputed()
    staged(context, dispute)
    for refused in (
        lambda: disputes.stage(context, actor, dispute["id"], {"customer_name": "x"}),
        lambda: disputes.attach(context, actor, dispute["id"], "receipt", PDF),
        lambda: submit(context, dispute, actor),
        lambda: accept(context, dispute, actor),
        lambda: disputes.case_of(context, actor, disputes.facts_of(context.db, dispute["id"]), ZONE),
    ):
        with pytest.raises(Unauthorised):
            refused()
    assert at_stripe(context, dispute)["status"] == "needs_response"


def test_answering_a_dispute_needs_a_recent_confirmation(context, disputed):
    dispute, absent = disputed(), Actor("staff:fin", Role.FINANCE, confirmed=False)
    staged(context, dispute)
    with pytest.raises(Unauthorised, match="confirm_again"):
        submit(context, dispute, absent)
    with pytest.raises(Unauthorised, match="confirm_again"):
        accept(context, dispute, absent)


def test_the_same_form_sent_twice_is_one_submission_and_two_forms_never_answer_at_once(context, disputed, faults):
    dispute, once = disputed(), disputes.new_id()
    staged(context, dispute)
    faults.add(f"disputes/{dispute['id']}", lose_reply=True)
    assert submit(context, dispute, action_id=once).state == "unknown"
    faults.clear()
    assert row_of(context, dispute)["in_flight"]
    with pytest.raises(Refused, match="in_progress"):
        accept(context, dispute, ADMIN)
    assert submit(context, dispute, action_id=once).state == "unknown"
    context.clock.ahead = timedelta(minutes=3)
    actions.settle_unknown(context)
    assert at_stripe(context, dispute)["evidence_details"]["submission_count"] == 1
    assert row_of(context, dispute)["status"] == "under_review"


@pytest.mark.parametrize(
    "effects", [{"lose_reply": True}, {"status": 500, "after_work": True}, {"reset": True}, {"status": 429}]
)
@pytest.mark.parametrize("answer", [submit, accept])
def test_a_dispute_is_answered_once_whatever_stripe_returns(context, disputed, faults, effects, answer):
    dispute = disputed()
    staged(context, dispute)
    path = f"disputes/{dispute['id']}" + ("/close" if answer is accept else "")
    faults.add(path, **effects)
    assert answer(context, dispute).state == "unknown"
    faults.clear()
    context.clock.ahead = timedelta(minutes=3)
    actions.settle_unknown(context)
    wanted = ("lost", 0) if answer is accept else ("under_review", 1)
    found = at_stripe(context, dispute)
    assert (found["status"], found["evidence_details"]["submission_count"]) == wanted
    assert row_of(context, dispute)["status"] == wanted[0]


def test_after_its_deadline_a_dispute_is_not_answered(context, disputed):
    dispute = disputed()
    staged(context, dispute)
    context.clock.ahead = timedelta(days=30)
    with pytest.raises(Refused, match="past_due"):
        submit(context, dispute)


def test_a_file_is_attached_through_stripes_files_and_named_after_its_field(context, disputed):
    dispute = disputed()
    disputes.attach(context, FINANCE, dispute["id"], "receipt", PDF)
    file = context.stripe.retrieve(f"files/{at_stripe(context, dispute)['evidence']['receipt']}")
    assert (file["filename"], file["purpose"], file["size"]) == ("receipt.pdf", "dispute_evidence", len(PDF))
    assert row_of(context, dispute)["has_evidence"]


@pytest.mark.parametrize(
    ("field", "content", "code"),
    [
        ("receipt", b"<html>", "bad_file"),
        ("receipt", b"", "bad_file"),
        ("customer_name", PDF, "unknown_field"),
        ("nonsense", PDF, "unknown_field"),
        ("receipt", PDF + b"x" * evidence.MAX_FILE_BYTES, "file_too_large"),
    ],
)
def test_a_file_that_banks_do_not_accept_is_refused_before_upload(context, disputed, field, content, code):
    with pytest.raises(Refused, match=code):
        disputes.attach(context, FINANCE, disputed()["id"], field, content)


@pytest.mark.parametrize(
    ("fields", "code"), [({"nonsense": "x"}, "unknown_field"), ({"uncategorized_text": "x" * 20_001}, "text_too_long")]
)
def test_evidence_that_banks_do_not_accept_is_refused(context, disputed, fields, code):
    with pytest.raises(Refused, match=code):
        disputes.stage(context, FINANCE, disputed()["id"], fields)


def test_an_empty_text_clears_a_field(context, disputed):
    dispute = disputed()
    staged(context, dispute, customer_name="Ana", uncategorized_text="They came.")
    staged(context, dispute, customer_name="")
    found = at_stripe(context, dispute)["evidence"]
    assert (found["customer_name"], found["uncategorized_text"]) == (None, "They came.")


def test_the_form_is_filled_in_with_what_is_known_and_says_nothing_about_health(context, disputed, owner, database):
    billing = {
        "name": "Ana Lima",
        "email": "ana@example.com",
        "address": {"line1": "1 Elm", "city": "Reno", "country": "US"},
    }
    card = context.stripe.write(
        "payment_methods", key=disputes.new_id(), type="card", card={"token": "tok_visa"}, billing_details=billing
    )
    dispute = disputed("product_not_received", card=card["id"], metadata={"orderId": "order-e"})
    owner.execute(
        "insert into payops.consultations (submission_id, body_sha256, patient_id, state, specialty, order_id, "
        "received_at,"
        " assigned_at, ended_at, status, reason, provider_id) select 's', 'x', 'p', 'CA', 'dermatology', 'order-e',"
        " '2026-11-02T15:00Z', '2026-11-02T15:01Z', '2026-11-03T16:30Z', 'completed', '-', null"
    )
    disputes.set_text(database, FINANCE, "product_description", "A visit with a licensed provider.", datetime.now(UTC))
    case = disputes.case_of(context, FINANCE, disputes.facts_of(database, dispute["id"]), ZONE)
    assert case.text("customer_name") == "Ana Lima"
    assert case.text("billing_address") == "1 Elm, Reno, US"
    assert case.text("service_date") == "3 November 2026"
    assert case.text("product_description") == "A visit with a licensed provider."
    assert case.text("access_activity_log").splitlines()[-1] == "3 November 2026 11:30 EST: The visit was completed."
    assert "The customer paid $49.00" in case.text("uncategorized_text")
    assert "visit paid for was completed on 3 November 2026" in case.text("uncategorized_text")
    assert "dermatology" not in str(case.suggested)
    assert "Summary" in case.missing
    assert httpx.get(case.receipt_url).status_code == 200
    staged(context, dispute, uncategorized_text="Our own words.")
    case = disputes.case_of(context, FINANCE, disputes.facts_of(database, dispute["id"]), ZONE)
    assert case.text("uncategorized_text") == "Our own words."
    assert "Summary" not in case.missing


def test_every_reason_says_what_to_show_and_asks_for_fields_there_are():
    for code, reason in evidence.REASONS.items():
        needed, others = evidence.fields_of(code)
        assert reason.show and needed
        assert {each.name for each in [*needed, *others]} == set(evidence.FIELDS)
    unknown = evidence.reason_of("made_up")
    assert (unknown.title, unknown.needs) == ("Made up", evidence.REASONS["general"].needs)


def test_open_disputes_are_ordered_by_deadline_and_closed_ones_by_day(context, disputed):
    first, second, third = disputed(), disputed("duplicate"), disputed()
    context.clock.ahead += timedelta(seconds=2)
    context.mirror(at_stripe(context, second) | {"evidence_details": {"due_by": 1_790_000_000}})
    accept(context, third)
    shown = [each["id"] for each in disputes.listed(context.db, Shown.TO_ANSWER)]
    assert shown == [second["id"], first["id"]]
    today = Period.last_days(1, now=context.clock(), zone=ZONE)
    closed = disputes.listed(context.db, Shown.CLOSED, period=today)
    assert [each["id"] for each in closed] == [third["id"]]
    assert disputes.listed(context.db, Shown.CLOSED, period=today.previous()) == []
    assert disputes.listed(context.db, Shown.CLOSED, period=today, reason="duplicate") == []


def test_how_disputes_end_is_counted_by_their_reason(context, disputed, faults):
    for outcome in ("won", "won", "lost"):
        dispute = disputed()
        closing = f"{faults.base_url}/sandbox/disputes/{dispute['id']}/close"
        context.mirror(httpx.post(closing, json={"outcome": outcome}).raise_for_status().json())
    disputed("duplicate")
    today = Period.last_days(1, now=context.clock(), zone=ZONE)
    fraud, twice = disputes.by_reason(context.db, today, "usd")
    assert (fraud["title"], fraud["disputes"], fraud["won"], fraud["lost"]) == ("Fraud", 3, 2, 1)
    assert fraud["win_rate"] == pytest.approx(2 / 3)
    assert (twice["to_answer"], twice["amount_minor"], twice["win_rate"]) == (1, 4900, None)
    assert disputes.by_reason(context.db, today, "eur") == []


def test_a_policy_text_is_changed_removed_and_audited(database, owner):
    now = datetime(2026, 11, 24, tzinfo=UTC)
    disputes.set_text(database, ADMIN, "refund_policy_disclosure", " Shown at checkout. ", now)
    assert disputes.texts(database)["refund_policy_disclosure"]["text"] == "Shown at checkout."
    disputes.set_text(database, ADMIN, "refund_policy_disclosure", "", now)
    assert disputes.texts(database) == {}
    done = owner.execute("select count(*) from payops.audit_log where action = 'payments:policy-text:set'")
    assert done.fetchone() == (2,)


def test_an_unknown_dispute_is_refused(context, owner):
    assert disputes.facts_of(context.db, "dp_none") is None
    with pytest.raises(Refused, match="not_found"):
        disputes.stage(context, FINANCE, "dp_none", {"customer_name": "x"})
    with pytest.raises(Refused, match="not_found"):
        disputes.accept(context, FINANCE, disputes.new_id(), "dp_none", reason="x")


def appealed(context, faults, dispute):
    return context.mirror(
        httpx.post(f"{faults.base_url}/sandbox/disputes/{dispute['id']}/appeal").raise_for_status().json()
    )


def test_an_appeal_needs_a_response_takes_evidence_and_goes_to_the_bank(context, disputed, faults):
    dispute = disputed()
    accept(context, dispute)
    appealed(context, faults, dispute)
    assert [row["id"] for row in disputes.listed(context.db, Shown.TO_ANSWER)] == [dispute["id"]]
    with pytest.raises(Refused, match="no_evidence"):
        submit(context, dispute)
    with pytest.raises(Refused, match="unknown_field"):
        staged(context, dispute, uncategorized_text="They came.")
    staged(context, dispute, appeal_reason="The bank did not see the visit.")
    disputes.attach(context, FINANCE, dispute["id"], "appeal_files", PDF)
    disputes.attach(context, FINANCE, dispute["id"], "appeal_files", PDF)
    case = disputes.case_of(context, FINANCE, disputes.facts_of(context.db, dispute["id"]), ZONE)
    assert case.known["appeal_reason"] == "The bank did not see the visit."
    assert (len(case.known["appeal_files"].split()), case.missing) == (2, [])
    assert submit(context, dispute).state == "done"
    assert at_stripe(context, dispute)["status"] == "appeal_under_review"
    assert [row["id"] for row in disputes.listed(context.db, Shown.WITH_BANK)] == [dispute["id"]]
    assert disputes.listed(context.db, Shown.CLOSED) == []


def test_only_an_appeal_takes_appeal_evidence(context, disputed):
    with pytest.raises(Refused, match="unknown_field"):
        staged(context, disputed(), appeal_reason="x")


def test_an_appealed_dispute_bars_the_refund_and_is_not_decided(context, disputed, faults):
    dispute = disputed()
    accept(context, dispute)
    appealed(context, faults, dispute)
    with pytest.raises(Refused, match="charge_disputed"):
        refunds.issue(context, FINANCE, refunds.new_id(), dispute["payment_intent"], 4900, reason="x")
    (row,) = disputes.by_reason(context.db, Period(date(2026, 1, 1), date(2027, 12, 31), ZONE), "usd")
    assert (row["win_rate"], row["to_answer"]) == (None, 1)


@pytest.mark.parametrize("act", ["stage", "accept"])
def test_a_card_number_in_evidence_or_a_reason_is_refused(context, disputed, act):
    dispute = disputed()
    with pytest.raises(Refused, match="card_number"):
        if act == "stage":
            staged(context, dispute, uncategorized_text="They paid with 4242 4242 4242 4242.")
        else:
            accept(context, dispute, reason="4242424242424242")
