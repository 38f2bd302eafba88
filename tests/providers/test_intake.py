"""The intake form's webhooks over real HTTP, signed with the open standard's own library."""

import json
import secrets
import tempfile
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from standardwebhooks import Webhook

from core.db import embedded
from core.periods import wall_clock
from core.sandbox.secrets import sandbox_secrets
from core.services import start
from core.settings import load_settings
from tests.api.test_webhooks import Api
from tests.db import probes

FORM, STATUS = "/api/webhooks/form-submission", "/api/webhooks/consultation-status"
PROVIDER = {"id": "ann", "name": "Ann", "specialties": ["dermatology"], "capacity": 3, "licences": [{"state": "TX"}]}


class Form:
    """The intake form's side of the wire, before a running API."""

    def __init__(self, api: Api, db: Any):
        self.api, self.db = api, db
        self.secret = sandbox_secrets(api.data_dir).intake_webhook_secret

    def post(
        self, path: str, body: Any, *, at: datetime | None = None, secret: str = "", **headers: str
    ) -> httpx.Response:
        text = body if isinstance(body, str) else json.dumps(body)
        at = at or datetime.now(UTC)
        signed = {
            "webhook-id": "msg_1",
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": Webhook(secret or self.secret).sign("msg_1", at, text),
        }
        return self.api.http.post(path, content=text.encode(), headers=signed | headers)


@pytest.fixture(scope="module")
def form(prepared) -> Iterator[Form]:
    with tempfile.TemporaryDirectory(prefix="payops-test-") as folder:
        prepared.copy_into(Path(folder))
        api = Api(Path(folder))
        api.start()
        services = start(load_settings({"DATA_DIR": folder}, env_file=None))
        services.db.call("put_providers", actor="cli:test", actor_role="admin", documents=[PROVIDER], now=wall_clock())
        yield Form(api, services.db)
        services.close()
        api.kill()
        embedded.remove(Path(folder))


def submission(submission_id: str, **fields: Any) -> dict[str, Any]:
    return {
        "submissionId": submission_id,
        "patientId": "patient-1",
        "patientState": "TX",
        "specialty": "dermatology",
    } | fields


def test_a_submission_is_assigned_and_answered_in_the_shape_promised(form):
    answer = form.post(FORM, submission("s-1", orderId="order-1", submittedAt="2026-11-24T10:00:00Z"))
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {"consultationId", "status", "providerId", "match", "reason"}
    assert (body["status"], body["providerId"], body["match"]) == ("assigned", "ann", "specialty")


def test_the_same_submission_again_gets_its_first_answer_and_another_body_409(form):
    first = form.post(FORM, submission("s-2"))
    assert form.post(FORM, submission("s-2")).json() == first.json()
    differs = form.post(FORM, submission("s-2", patientId="patient-2"))
    assert (differs.status_code, differs.json()["code"]) == (409, "submission_differs")


def test_without_a_provider_it_waits_with_the_reason(form):
    body = form.post(FORM, submission("s-3", patientState="Guam")).json()
    assert (body["status"], body["providerId"], body["match"]) == ("waiting", None, None)
    assert body["reason"] == "No provider is licensed in GU."


@pytest.mark.parametrize(
    ("fields", "code", "path"),
    [
        ({"patientState": "ZZ"}, "unknown_state", "patientState"),
        ({"patientState": "AE"}, "unknown_state", "patientState"),
        ({"specialty": "alchemy"}, "unknown_specialty", "specialty"),
        ({"preferredProviderId": "nobody"}, "unknown_provider", "preferredProviderId"),
        ({"patientId": 7}, "invalid_body", "patientId"),
        ({"patientId": "a\0b"}, "invalid_body", "patientId"),
        ({"submittedAt": "yesterday"}, "invalid_body", "submittedAt"),
        ({"submittedAt": "2026-11-24T10:00:00"}, "invalid_body", "submittedAt"),
    ],
)
def test_an_invalid_field_is_422_and_nothing_is_recorded(form, fields, code, path):
    answer = form.post(FORM, submission("s-bad", **fields))
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert [one["path"] for one in answer.json()["errors"]] == [path]
    assert form.api.rows("select 1 from payops.consultations where submission_id = 's-bad'") == []


@pytest.mark.parametrize(
    ("field", "private", "kind"),
    [
        ("submissionId", "ann@example.com", "an e-mail address"),
        ("patientId", "+1 212 555 0134", "a phone number"),
        ("orderId", "4242 4242 4242 4242", "a card number"),
    ],
)
def test_an_id_that_looks_private_is_refused_with_the_reason_and_neither_repeated_nor_stored(
    form, field, private, kind
):
    answer = form.post(FORM, submission("s-private") | {field: private})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_body")
    (error,) = answer.json()["errors"]
    assert error["path"] == field and kind in error["message"] and private not in answer.text
    assert (
        form.api.rows("select 1 from payops.consultations where submission_id in ('s-private', 'ann@example.com')")
        == []
    )


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_timestamp_out_of_tolerance_is_400(form, minutes):
    answer = form.post(FORM, submission("s-time"), at=datetime.now(UTC) + timedelta(minutes=minutes))
    assert (answer.status_code, answer.json()["code"]) == (400, "stale_timestamp")


@pytest.mark.parametrize(
    "headers",
    [
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": ""},
        {"webhook-signature": "v1"},
        {"webhook-id": "msg_2"},
        {"webhook-timestamp": "soon"},
        {"webhook-timestamp": "9" * 400},
    ],
)
def test_an_unsigned_or_wrongly_signed_body_is_400(form, headers):
    answer = form.post(FORM, submission("s-forged"), **headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_signature")


def test_one_good_signature_among_several_is_enough_so_that_a_secret_can_be_rolled(form):
    at = datetime.now(UTC)
    body = json.dumps(submission("s-rolled"))
    other = "whsec_" + b64encode(secrets.token_bytes(24)).decode()
    signatures = " ".join(Webhook(secret).sign("msg_1", at, body) for secret in (other, form.secret))
    assert form.post(FORM, body, at=at, **{"webhook-signature": signatures}).status_code == 200
    assert form.post(FORM, body, secret=other).status_code == 400


@pytest.mark.parametrize("body", ["", "[]", "{", "NaN", "null", "[" * 100_000])
def test_a_signed_body_that_is_no_object_is_400(form, body):
    answer = form.post(FORM, body)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_body")


def test_a_finished_consultation_frees_its_slot_once_for_a_waiting_one(form):
    def ask(n: int) -> dict[str, Any]:
        return form.post(FORM, submission(f"s-full-{n}")).json()

    with ThreadPoolExecutor(4) as patients:
        asked = list(patients.map(ask, range(4)))
    waiting = [one for one in asked if one["status"] == "waiting"]
    seen = form.api.rows("select id from payops.consultations where status = 'assigned' order by received_at limit 1")[
        0
    ][0]
    for _ in range(2):
        answer = form.post(STATUS, {"consultationId": seen, "status": "completed"})
        assert (answer.status_code, answer.json()) == (200, {"consultationId": seen, "status": "completed"})
    assert len(waiting) >= 1
    still = form.api.rows("select count(*) from payops.consultations where status = 'waiting' and state = 'TX'")
    assert still == [(len(waiting) - 1,)]
    assert form.api.rows("select pending, capacity from payops.providers") == [(3, 3)]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"consultationId": "cons_none", "status": "completed"}, 404, "no_such_consultation"),
        ({"consultationId": "cons_none", "status": "waiting"}, 422, "invalid_body"),
        ({"status": "completed"}, 422, "invalid_body"),
    ],
)
def test_an_invalid_status_change_is_refused(form, body, status, code):
    answer = form.post(STATUS, body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_without_its_database_the_form_is_asked_to_send_again(form):
    embedded.stop(form.api.data_dir)
    answer = form.post(FORM, submission("s-unplugged"))
    assert answer.status_code == 503 and int(answer.headers["retry-after"]) > 0
    embedded.ensure_running(form.api.data_dir)
    assert form.post(FORM, submission("s-unplugged")).status_code == 200


@pytest.mark.parametrize(
    ("function", "path", "body", "kind"),
    [
        ("submit_consultation", FORM, {"patientState": "TX", "specialty": "dermatology"}, "intake_failed"),
        ("end_consultation", STATUS, {"consultationId": "any", "status": "completed"}, "intake_failed"),
    ],
)
def test_a_defect_is_logged_and_an_incident_and_the_form_is_asked_to_send_again(form, function, path, body, kind):
    body |= {"submissionId": "sub-defect", "patientId": "patient-defect"} if path == FORM else {}
    server = embedded.ensure_running(form.api.data_dir)
    with psycopg.connect(server.owner_conninfo, autocommit=True) as owner:
        with probes.broken(owner, function):
            answer = form.post(path, body)
        assert (answer.status_code, answer.json()["code"]) == (503, "not_recorded")
        assert answer.headers["Retry-After"]
        found = owner.execute(
            "select fingerprint from payops.incidents where request_id = %s and kind = %s",
            (answer.json()["request_id"], kind),
        ).fetchall()
        assert found == [(f"{path} DatabaseFault",)]
