"""Stripe's customers and the patients they are."""

import hashlib

from core.errors import Refused
from core.payments.context import PaymentContext
from core.payments.operations.callers import Caller, not_found
from core.payments.operations.schemas import CustomerInfo
from core.stripe_gateway import Json


def of_patient(context: PaymentContext, patient_id: str) -> list[str]:
    """The ids of the patient's customers, the newest first."""
    return list(context.db.call("customers_of_patient", patient_id=patient_id))


def ensured(context: PaymentContext, customer: CustomerInfo) -> str:
    """The id of the patient's customer, made where there is none."""
    known = of_patient(context, customer.patientId)
    if known:
        return known[0]
    identity = hashlib.sha256(f"{customer.patientId}\0{customer.email}".encode()).hexdigest()[:40]
    made = context.stripe.write(
        "customers", key=f"payops-customer-{identity}", email=customer.email, metadata={"patientId": customer.patientId}
    )
    return str(context.mirror(made)["id"])


def owner_of(context: PaymentContext, found: Json) -> str | None:
    """The patient an object of Stripe's belongs to, by its own metadata or else its customer's."""
    patient_id = (found.get("metadata") or {}).get("patientId")
    customer = found.get("customer")
    if patient_id or not customer:
        return patient_id
    kept = customer if isinstance(customer, dict) else context.stripe.retrieve(f"customers/{customer}")
    owner: str | None = (kept.get("metadata") or {}).get("patientId")
    return owner


def reached(context: PaymentContext, caller: Caller, path: str, **params: object) -> Json:
    """The object at `path` where it exists and is the caller's; raises `Refused` (`not_found`) otherwise."""
    try:
        found = context.stripe.retrieve(path, **params)
    except Refused as error:
        if error.facts.get("http_status") == 404:
            raise not_found() from error
        raise
    if caller.is_patient:
        caller.reach(owner_of(context, found))
    return found
