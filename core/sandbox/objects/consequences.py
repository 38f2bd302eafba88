"""What happens by itself, by the kind under which it was scheduled."""

from collections.abc import Callable
from functools import partial

from core.sandbox.engine.unit_of_work import World
from core.sandbox.objects import payouts
from core.sandbox.objects.billing import dunning, invoices, renewals
from core.sandbox.objects.payments import charges, checkout, disputes, fraud_warnings, payment_intents, refunds

Work = Callable[[World, str], object]


def _dispute(reason: str, inquiry: bool, world: World, charge_id: str) -> None:
    charge = world.known(charge_id)
    if not charge["disputed"] and not charge["refunded"]:
        disputes.open_on(world, charge, reason, inquiry=inquiry)


def _warn(world: World, charge_id: str) -> None:
    fraud_warnings.warn(world, world.known(charge_id))


KINDS: dict[str, Work] = {
    "after_payment:fraudulent": partial(_dispute, "fraudulent", False),
    "after_payment:product_not_received": partial(_dispute, "product_not_received", False),
    "after_payment:inquiry": partial(_dispute, "fraudulent", True),
    "after_payment:fraud_warning": _warn,
    "cancel_at": renewals.cancel_when_due,
    "day": payouts.close_day,
    "dispute_deadline": disputes.past_deadline,
    "dispute_decided": disputes.decide,
    "expire_authorization": payment_intents.expire_authorization,
    "expire_incomplete": renewals.expire_incomplete,
    "finalize_invoice": invoices.finalize_when_due,
    "payout_paid": payouts.pay_when_due,
    "payout_reconciled": payouts.reconcile_when_due,
    "refund_fails": refunds.fail,
    "refund_succeeds": refunds.succeed,
    "renew": renewals.renew,
    "retry_invoice": dunning.retry,
    "session_expires": checkout.expire_when_due,
    "settle_charge": charges.settle,
    "trial_will_end": renewals.announce_trial_end,
}
