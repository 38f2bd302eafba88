"""The intake form's webhooks: checks their signature, records each submission once, and ends consultations."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Any, Literal, cast

import orjson
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError
from standardwebhooks import Webhook

from core.db import Database
from core.errors import Refused, not_json
from core.identifiers import private_problem
from core.providers import schedules, states
from core.providers.consultation_rows import IntakeAnswer
from core.staff.roles import Actor, Role

TOLERANCE = timedelta(seconds=300)
MAX_SIGNATURES = 16
# The field of the form that each of the database's refusals is about.
FIELDS = {"unknown_state": "patientState", "unknown_specialty": "specialty", "unknown_provider": "preferredProviderId"}
INTAKE = Actor("system:intake", Role.ADMIN)

# Text that Postgres can store: no zero byte and, since the body is UTF-8, no lone surrogate.
Text = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True, pattern=r"^[^\x00]*$")]


def _not_private(identifier: str) -> str:
    if problem := private_problem(identifier):
        raise PydanticCustomError("private_identifier", "{problem}", {"problem": problem})
    return identifier


# An ID or a word that the form chooses; one that looks like an e-mail address, a phone or a card number is refused.
OwnId = Annotated[Text, AfterValidator(_not_private)]


class Submission(BaseModel):
    """One patient's request to be seen, with the form's field names."""

    model_config = ConfigDict(strict=True)

    submissionId: OwnId
    patientId: OwnId
    patientState: OwnId
    specialty: OwnId
    orderId: OwnId | None = None
    submittedAt: Annotated[AwareDatetime | None, Field(strict=False)] = None
    preferredProviderId: OwnId | None = None


class StatusChange(BaseModel):
    """The message that a consultation was completed or cancelled."""

    model_config = ConfigDict(strict=True)

    consultationId: OwnId
    status: Literal["completed", "cancelled"]


def verify(body: bytes, headers: Mapping[str, str], secrets: Sequence[str], *, now: datetime) -> dict[str, Any]:
    """The body as an object, if one of `secrets` signed it within 300 seconds of `now`; raises `Refused` otherwise.

    Only the first 16 signatures of the header are checked.
    """
    message_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    given = headers.get("webhook-signature", "").split(" ")[:MAX_SIGNATURES]
    if (
        not message_id.isascii()
        or not message_id
        or not timestamp.isascii()
        or not timestamp.isdigit()
        or len(timestamp) > 12
    ):
        raise Refused("bad_signature", "The webhook-id or webhook-timestamp header is missing or malformed.")
    signed_at = datetime.fromtimestamp(int(timestamp), UTC)
    expected = [_signature(secret, message_id, signed_at, body) for secret in secrets]
    if not any(hmac.compare_digest(own, one.encode()) for own in expected for one in given):
        raise Refused("bad_signature", "No webhook-signature matches the body and a configured secret.")
    if abs(now - signed_at) > TOLERANCE:
        raise Refused("stale_timestamp", "The webhook-timestamp is more than 300 seconds off.")
    return _object(body)


def submit(db: Database, submission: Submission, body: Mapping[str, Any], *, now: datetime) -> IntakeAnswer:
    """Record the submission and assign its consultation.

    The same `submissionId` again gets the first answer; raises `Refused` if `body` was different then.
    """
    state = states.code_of(submission.patientState)
    if state is None:
        raise Refused("unknown_state", states.problem(submission.patientState) or "")
    try:
        canonical = orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        raise Refused("malformed_body", "The body is nested too deeply.") from None
    submit_once = partial(
        db.call,
        "submit_consultation",
        submission_id=submission.submissionId,
        body_sha256=hashlib.sha256(canonical).hexdigest(),
        patient_id=submission.patientId,
        state=state,
        specialty=submission.specialty,
        order_id=submission.orderId,
        preferred_provider_id=submission.preferredProviderId,
        submitted_at=submission.submittedAt,
        now=now,
    )
    answer: IntakeAnswer | None = submit_once(refreshed=False)
    if answer is None:  # somebody's hours have begun or ended, and the worker has not come to them yet
        schedules.refresh(db, now, at_most=schedules.BEFORE_ONE)
        answer = submit_once(refreshed=True)
    return cast(IntakeAnswer, answer)


def _signature(secret: str, message_id: str, signed_at: datetime, body: bytes) -> bytes:
    """The signature of the body under `secret`; raises `Refused` for a body that is not UTF-8."""
    try:
        return Webhook(secret).sign(message_id, signed_at, body.decode()).encode()
    except UnicodeDecodeError:
        raise Refused("malformed_body", "The body is not UTF-8.") from None


def _object(body: bytes) -> dict[str, Any]:
    try:
        read = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise not_json() from None
    if not isinstance(read, dict):
        raise Refused("malformed_body", "The body must be a JSON object.")
    return read
