"""Event types that are stored but change nothing in the mirror, with the reason for each family."""

from core.events.registry import ignore

ignore(
    "A saved card moves no money; the payment API reads it from Stripe when a customer pays.",
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
    "Products and prices are read from Stripe when needed; a subscription contains its own prices.",
    "product.created",
    "product.deleted",
    "product.updated",
    "price.deleted",
    "plan.created",
    "plan.deleted",
    "plan.updated",
)
ignore(
    "An invoice item or credit note changes its invoice, and the invoice has events of its own.",
    "invoiceitem.created",
    "invoiceitem.deleted",
    "credit_note.created",
    "credit_note.updated",
    "credit_note.voided",
)
ignore("A preview of an invoice that does not exist yet: it has no id.", "invoice.upcoming")
ignore(
    "A schedule only plans changes; the subscription has events of its own when they happen.",
    "subscription_schedule.aborted",
    "subscription_schedule.canceled",
    "subscription_schedule.completed",
    "subscription_schedule.created",
    "subscription_schedule.expiring",
    "subscription_schedule.released",
    "subscription_schedule.updated",
)
ignore(
    "Balance transactions are pulled one by one; these events name none of them.",
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
    "A review is decided at Stripe; the refund or cancellation it leads to has events of its own.",
    "review.closed",
    "review.opened",
)
ignore(
    "A tax ID identifies a person and is not stored.",
    "customer.tax_id.created",
    "customer.tax_id.deleted",
    "customer.tax_id.updated",
)
