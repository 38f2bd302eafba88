"""Paused collection: how invoices are treated until it resumes."""

from core.sandbox.engine.errors import Json, invalid, missing_parameter
from core.sandbox.engine.params import Params
from core.sandbox.engine.unit_of_work import UnitOfWork
from core.sandbox.objects.billing import invoices
from core.sandbox.objects.billing.invoices import DRAFT_SECONDS


def take(uow: UnitOfWork, subscription: Json, params: Params) -> None:
    """Pause, or with an empty value resume; the caller stores and announces the subscription."""
    if not params.has("pause_collection"):
        return
    asked = params.under("pause_collection")
    uow.unschedule("resume_collection", subscription["id"])
    if not asked.raw:
        subscription["pause_collection"] = None
        return
    behavior, resumes_at = asked.text("behavior"), asked.moment("resumes_at")
    if behavior is None:
        raise missing_parameter("pause_collection[behavior]")
    if resumes_at is not None and resumes_at <= uow.now:
        raise invalid("Invalid timestamp: must be an integer Unix timestamp in the future.", asked.named("resumes_at"))
    subscription["pause_collection"] = {"behavior": behavior, "resumes_at": resumes_at}
    if resumes_at is not None:
        uow.schedule(resumes_at, "resume_collection", subscription["id"])


def resume(uow: UnitOfWork, subscription_id: str) -> None:
    """Resume collection on the scheduled day."""
    subscription = uow.known(subscription_id)
    if subscription["pause_collection"] is not None:
        subscription["pause_collection"] = None
        uow.change(subscription, "customer.subscription.updated")


def treat(uow: UnitOfWork, subscription: Json, invoice: Json) -> None:
    """Finalize a new draft in an hour or, while collection is paused, treat it as the pause says."""
    paused = subscription["pause_collection"]
    if paused is None:
        uow.schedule(uow.now + DRAFT_SECONDS, "finalize_invoice", invoice["id"])
        return
    invoice |= {"auto_advance": False, "automatically_finalizes_at": None}
    uow.change(invoice, "invoice.updated")
    if paused["behavior"] == "keep_as_draft":
        return
    invoices.finalize(uow, invoice)
    if invoice["status"] != "open":
        return
    if paused["behavior"] == "void":
        invoices.close(uow, invoice, "void", "voided_at", "invoice.voided")
    else:
        invoices.give_up(uow, invoice)
