"""Intake forms of patients who paid for a visit or have a plan, and their past consultations."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.sandbox.seed.business import ABROAD, DAY_SECONDS, VISITS
from core.sandbox.traffic import history
from core.sandbox.traffic.demo_clinic import home_of

Json = dict[str, Any]
SPECIALTIES = {offer.name: offer.specialty for offer in (*VISITS, *ABROAD.values())}
SECONDS_TO_ASK = (5, 40)
SECONDS_OF_CARE = (120, 420, 1500)  # shortest, most common, longest
CANCELLED_SHARE = 0.04
MEMBERS_ASK_PER_DAY = 0.012
NOBODY_THERE = "WY"
LEFT_WAITING = 3


@dataclass(frozen=True)
class Asked:
    """One consultation of the history: its intake form, and when and how it ended."""

    at: datetime
    submission: Json
    ended_at: datetime | None
    status: str


def after_payment(intent: Json, at: int) -> Json | None:
    """The intake form for a paid visit; None if the payment was for something else."""
    order, specialty = intent["metadata"], SPECIALTIES.get(intent.get("description") or "")
    if specialty is None or "orderId" not in order or not order.get("patientId"):
        return None
    return _form(f"form_{order['orderId']}", order["patientId"], specialty, at) | {"orderId": order["orderId"]}


def of_a_member(subscription: Json, patient_id: str, number: str, at: int) -> Json:
    """The intake form of a subscriber whose plan includes the visit."""
    specialty = subscription["items"]["data"][0]["price"]["metadata"].get("specialty", "general_practice")
    return _form(f"form_{number}", patient_id, specialty, at)


def care_seconds(chance: random.Random) -> float:
    shortest, common, longest = SECONDS_OF_CARE
    return chance.triangular(shortest, longest, common)


def of_history(data_dir: Path, *, days: int, now: datetime) -> list[Asked]:
    """The consultations of the last `days`, oldest first. A few still wait, in a state without a licensed provider."""
    until = int(now.timestamp())
    since, chance = until - days * DAY_SECONDS, random.Random(days)
    forms = sorted(
        [*_of_visits(data_dir, since, until), *_of_members(data_dir, since, days, chance)], key=lambda each: each[0]
    )
    left = {at for at, form in forms if "orderId" in form and at < until - 2400}
    left = set(sorted(left)[-LEFT_WAITING:])
    asked = []
    for at, form in forms:
        status = "cancelled" if chance.random() < CANCELLED_SHARE else "completed"
        ended = min(at + care_seconds(chance), until)
        if at in left:
            asked.append(Asked(_moment(at), form | {"patientState": NOBODY_THERE}, None, "waiting"))
        else:
            asked.append(Asked(_moment(at), form, _moment(ended), status))
    return asked


def _of_visits(data_dir: Path, since: int, until: int) -> Iterator[tuple[int, Json]]:
    for intent in history.iter_objects(data_dir, "payment_intent"):
        at = intent["created"] + SECONDS_TO_ASK[0]
        if since <= at <= until and intent["status"] == "succeeded" and (form := after_payment(intent, at)):
            yield at, form


def _of_members(data_dir: Path, since: int, days: int, chance: random.Random) -> Iterator[tuple[int, Json]]:
    patients = {each["id"]: each["metadata"].get("patientId") for each in history.iter_objects(data_dir, "customer")}
    for subscription in history.iter_objects(data_dir, "subscription"):
        patient_id = patients.get(subscription["customer"])
        if subscription["status"] == "active" and patient_id and chance.random() < MEMBERS_ASK_PER_DAY * days:
            at = max(since, subscription["created"]) + int(chance.random() * days * DAY_SECONDS)
            if at < since + days * DAY_SECONDS:
                yield at, of_a_member(subscription, patient_id, subscription["id"], at)


def _form(number: str, patient_id: str, specialty: str, at: int) -> Json:
    return {
        "submissionId": number,
        "patientId": patient_id,
        "patientState": home_of(patient_id),
        "specialty": specialty,
        "submittedAt": _moment(at).isoformat(),
    }


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(int(at), UTC)
