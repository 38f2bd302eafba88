"""Consequences: what the sandbox does by itself, at a scheduled time or at once after something else."""

from collections.abc import Callable
from functools import partial

from core.sandbox.engine.unit_of_work import Consequences, UnitOfWork
from core.sandbox.objects import payouts
from core.sandbox.objects.billing import invoices
from core.sandbox.objects.payments import (
    bank_debits,
    charges,
    checkout,
    checkout_payment,
    disputes,
    fraud_warnings,
    payment_intents,
    refunds,
    setup_intents,
)
from core.sandbox.objects.subscriptions import dunning, pausing, renewals, schedules, status


def _dispute(reason: str, inquiry: bool, uow: UnitOfWork, charge_id: str) -> None:
    charge = uow.known(charge_id)
    if not charge["disputed"] and not charge["refunded"]:
        disputes.open_on(uow, charge, reason, inquiry=inquiry)


def _warn(uow: UnitOfWork, charge_id: str) -> None:
    fraud_warnings.warn(uow, uow.known(charge_id))


SCHEDULED: dict[str, Callable[[UnitOfWork, str], object]] = {
    "after_payment:fraudulent": partial(_dispute, "fraudulent", False),
    "after_payment:product_not_received": partial(_dispute, "product_not_received", False),
    "after_payment:inquiry": partial(_dispute, "fraudulent", True),
    "after_payment:fraud_warning": _warn,
    "cancel_at": renewals.cancel_when_due,
    "debit_decided": bank_debits.decide,
    "debit_returned": bank_debits.return_debit,
    "day": payouts.close_day,
    "dispute_deadline": disputes.past_deadline,
    "dispute_decided": disputes.decide,
    "expire_authorization": payment_intents.expire_authorization,
    "expire_incomplete": renewals.expire_incomplete,
    "finalize_invoice": dunning.finalize_when_due,
    "payout_paid": payouts.pay_when_due,
    "payout_reconciled": payouts.reconcile_when_due,
    "refund_fails": refunds.fail,
    "refund_succeeds": refunds.succeed,
    "renew": renewals.renew,
    "resume_collection": pausing.resume,
    "retry_invoice": dunning.retry,
    "schedule_phase": schedules.enter_phase,
    "session_expires": checkout.expire_when_due,
    "settle_charge": charges.settle,
    "trial_will_end": renewals.announce_trial_end,
}
FOLLOWING = {
    "customer_deleted": (status.end_all_of,),
    "debit_failed": (dunning.debit_failed,),
    "invoice_paid": (status.invoice_paid,),
    "payment_failed": (invoices.payment_failed,),
    "payment_processing": (status.payment_processing, checkout_payment.settle),
    "payment_succeeded": (invoices.payment_succeeded, checkout_payment.settle),
    "setup_succeeded": (checkout_payment.settle, setup_intents.give_to_subscription),
}
CONSEQUENCES = Consequences(SCHEDULED, FOLLOWING)
