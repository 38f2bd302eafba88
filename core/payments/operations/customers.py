"""The customers at Stripe of each patient."""

import hashlib

from core.errors import Refused
from core.payments.context import PaymentContext
from core.payments.operations.callers import Caller, not_found
from core.payments.operations.schemas import CustomerInfo
from core.stripe_gateway import Json


def of_patient(context: PaymentContext, patient_id: str) -> list[str]:
    """The IDs of the patient's customers, newest first."""
    found: list[str] = context.db.call("customers_of_patient", patient_id=patient_id)
    return found


def ensured(context: PaymentContext, customer: CustomerInfo) -> str:
    """The ID of the patient's customer, created if there is none."""
    known = of_patient(context, customer.patientId)
    if known:
        return known[0]
    # Stripe answers a key for 24 hours as it first did, also with a failure of its own: so each minute has another key.
    minute = int(context.clock().timestamp()) // 60
    identity = hashlib.sha256(f"{customer.patientId}\0{customer.email}\0{minute}".encode()).hexdigest()[:40]
    made = context.stripe.write(
        "customers", key=f"payops-customer-{identity}", email=customer.email, metadata={"patientId": customer.patientId}
    )
    return str(context.mirror(made)["id"])


def owner_of(context: PaymentContext, found: Json) -> str | None:
    """The patient that an object at Stripe belongs to, by its own metadata, else its customer's."""
    patient_id = (found.get("metadata") or {}).get("patientId")
    customer = found.get("customer")
    if patient_id or not customer:
        return patient_id
    kept = customer if isinstance(customer, dict) else context.stripe.retrieve(f"customers/{customer}")
    owner: str | None = (kept.get("metadata") or {}).get("patientId")
    return owner


def reached(context: PaymentContext, caller: Caller, path: str, **params: object) -> Json:
    """The object at `path`, if it exists and belongs to the caller; raises `Refused` (`not_found`) otherwise."""
    try:
        found = context.stripe.retrieve(path, **params)
    except Refused as error:
        if error.facts.get("http_status") == 404:
            raise not_found() from error
        raise
    if caller.is_patient:
        caller.reach(owner_of(context, found))
    return found
