"""Event types that are stored and change nothing in the mirror, each family with the reason why."""

from core.events.registry import ignore

ignore(
    "A saved card moves no money; the payment API asks Stripe for it when somebody pays.",
    "setup_intent.canceled",
    "setup_intent.created",
    "setup_intent.requires_action",
    "setup_intent.setup_failed",
    "setup_intent.succeeded",
    "payment_method.attached",
    "payment_method.automatically_updated",
    "payment_method.detached",
    "payment_method.updated",
    "customer.source.created",
    "customer.source.deleted",
    "customer.source.expiring",
    "customer.source.updated",
    "mandate.updated",
)
ignore(
    "The catalogue is read from Stripe when it is needed; a subscription brings its own prices.",
    "product.created",
    "product.deleted",
    "product.updated",
    "price.deleted",
    "plan.created",
    "plan.deleted",
    "plan.updated",
)
ignore(
    "An item or credit note counts by what it does to its invoice, and the invoice's own events tell that.",
    "invoiceitem.created",
    "invoiceitem.deleted",
    "credit_note.created",
    "credit_note.updated",
    "credit_note.voided",
)
ignore("A preview of an invoice that is not there yet: it has no id.", "invoice.upcoming")
ignore(
    "What a schedule plans becomes true by the subscription's own events.",
    "subscription_schedule.aborted",
    "subscription_schedule.canceled",
    "subscription_schedule.completed",
    "subscription_schedule.created",
    "subscription_schedule.expiring",
    "subscription_schedule.released",
    "subscription_schedule.updated",
)
ignore(
    "The balance is pulled, movement by movement; this event names none of them.",
    "balance.available",
    "topup.canceled",
    "topup.created",
    "topup.failed",
    "topup.reversed",
    "topup.succeeded",
    "transfer.created",
    "transfer.reversed",
    "transfer.updated",
)
ignore(
    "A review is worked at Stripe; what it leads to, a refund or a cancellation, has events of its own.",
    "review.closed",
    "review.opened",
)
ignore(
    "A tax number names its holder and is not stored.",
    "customer.tax_id.created",
    "customer.tax_id.deleted",
    "customer.tax_id.updated",
)
