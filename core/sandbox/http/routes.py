"""The handler of each of Stripe's routes."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from core.sandbox.engine import balance
from core.sandbox.engine.errors import Json, unknown_route
from core.sandbox.engine.params import Params
from core.sandbox.engine.unit_of_work import UnitOfWork
from core.sandbox.http.expand import Virtual
from core.sandbox.http.known_params import check, refuse_unread
from core.sandbox.objects import account, balance_transactions, customers, events, files, payouts, webhook_endpoints
from core.sandbox.objects.billing import (
    amounts,
    credit_notes,
    discounts,
    invoice_items,
    invoice_payments,
    invoice_requests,
    invoices,
    plans,
    prices,
    products,
)
from core.sandbox.objects.payments import (
    charges,
    checkout,
    disputes,
    fraud_warnings,
    payment_intents,
    payment_methods,
    refunds,
    setup_intents,
)
from core.sandbox.objects.subscriptions import changes, previews, schedules, subscriptions

Handler = Callable[..., Json]

# `*` stands for one id in the path; ids are handed to the handler in their order.
TABLE: dict[str, Handler] = {
    "GET account": account.retrieve,
    "GET balance": balance.retrieve,
    "GET balance_transactions": balance_transactions.list_all,
    "GET balance_transactions/*": balance_transactions.retrieve,
    "GET charges": charges.list_all,
    "GET charges/search": charges.search,
    "GET charges/*": charges.retrieve,
    "POST charges/*": charges.update,
    "POST checkout/sessions": checkout.create,
    "GET checkout/sessions": checkout.list_all,
    "GET checkout/sessions/*": checkout.retrieve,
    "POST checkout/sessions/*": checkout.update,
    "POST checkout/sessions/*/expire": checkout.expire,
    "GET checkout/sessions/*/line_items": checkout.line_items,
    "POST coupons": discounts.create_coupon,
    "GET coupons": discounts.list_coupons,
    "GET coupons/*": discounts.retrieve_coupon,
    "POST coupons/*": discounts.update_coupon,
    "DELETE coupons/*": discounts.delete_coupon,
    "POST customers": customers.create,
    "GET customers": customers.list_all,
    "GET customers/search": customers.search,
    "GET customers/*": customers.retrieve,
    "POST customers/*": customers.update,
    "DELETE customers/*": customers.delete,
    "DELETE customers/*/discount": customers.delete_discount,
    "GET customers/*/payment_methods": payment_methods.list_of_customer,
    "GET customers/*/payment_methods/*": payment_methods.of_customer,
    "POST credit_notes": credit_notes.create,
    "GET credit_notes": credit_notes.list_all,
    "GET credit_notes/preview": credit_notes.preview,
    "GET credit_notes/*": credit_notes.retrieve,
    "POST credit_notes/*": credit_notes.update,
    "POST credit_notes/*/void": credit_notes.void,
    "GET credit_notes/*/lines": credit_notes.lines,
    "GET disputes": disputes.list_all,
    "GET disputes/*": disputes.retrieve,
    "POST disputes/*": disputes.update,
    "POST disputes/*/close": disputes.accept,
    "GET events": events.list_all,
    "GET events/*": events.retrieve,
    "POST files": files.create,
    "GET files": files.list_all,
    "GET files/*": files.retrieve,
    "GET invoice_payments": invoice_payments.list_all,
    "GET invoice_payments/*": invoice_payments.retrieve,
    "POST invoiceitems": invoice_items.create,
    "GET invoiceitems": invoice_items.list_all,
    "GET invoiceitems/*": invoice_items.retrieve,
    "POST invoiceitems/*": invoice_items.update,
    "DELETE invoiceitems/*": invoice_items.delete,
    "POST invoices": invoice_requests.create,
    "POST invoices/create_preview": previews.create,
    "GET invoices": invoice_requests.list_all,
    "GET invoices/search": invoice_requests.search,
    "GET invoices/*": invoice_requests.retrieve,
    "POST invoices/*": invoice_requests.update,
    "POST invoices/*/finalize": invoice_requests.finalize_now,
    "POST invoices/*/mark_uncollectible": invoice_requests.mark_uncollectible,
    "POST invoices/*/pay": invoice_requests.pay_now,
    "POST invoices/*/send": invoice_requests.send,
    "POST invoices/*/void": invoice_requests.void,
    "GET invoices/*/lines": invoice_requests.lines,
    "POST payment_intents": payment_intents.create,
    "GET payment_intents": payment_intents.list_all,
    "GET payment_intents/search": payment_intents.search,
    "GET payment_intents/*": payment_intents.retrieve,
    "POST payment_intents/*": payment_intents.update,
    "POST payment_intents/*/cancel": payment_intents.cancel,
    "POST payment_intents/*/capture": payment_intents.capture,
    "POST payment_intents/*/confirm": payment_intents.confirm,
    "POST payment_methods": payment_methods.create,
    "GET payment_methods": payment_methods.list_all,
    "GET payment_methods/*": payment_methods.retrieve,
    "POST payment_methods/*": payment_methods.update,
    "POST payment_methods/*/attach": payment_methods.attach,
    "POST payment_methods/*/detach": payment_methods.detach,
    "GET payouts": payouts.list_all,
    "GET payouts/*": payouts.retrieve,
    "POST plans": plans.create,
    "GET plans": plans.list_all,
    "GET plans/*": plans.retrieve,
    "POST plans/*": plans.update,
    "DELETE plans/*": plans.delete,
    "POST prices": prices.create,
    "GET prices": prices.list_all,
    "GET prices/search": prices.search,
    "GET prices/*": prices.retrieve,
    "POST prices/*": prices.update,
    "POST products": products.create,
    "GET products": products.list_all,
    "GET products/search": products.search,
    "GET products/*": products.retrieve,
    "POST products/*": products.update,
    "DELETE products/*": products.delete,
    "POST promotion_codes": discounts.create_code,
    "GET promotion_codes": discounts.list_codes,
    "GET promotion_codes/*": discounts.retrieve_code,
    "POST promotion_codes/*": discounts.update_code,
    "GET radar/early_fraud_warnings": fraud_warnings.list_all,
    "GET radar/early_fraud_warnings/*": fraud_warnings.retrieve,
    "POST refunds": refunds.create,
    "GET refunds": refunds.list_all,
    "GET refunds/*": refunds.retrieve,
    "POST refunds/*": refunds.update,
    "POST refunds/*/cancel": refunds.cancel,
    "POST setup_intents": setup_intents.create,
    "GET setup_intents": setup_intents.list_all,
    "GET setup_intents/*": setup_intents.retrieve,
    "POST setup_intents/*": setup_intents.update,
    "POST setup_intents/*/cancel": setup_intents.cancel,
    "POST setup_intents/*/confirm": setup_intents.confirm,
    "POST subscription_schedules": schedules.create,
    "GET subscription_schedules": schedules.list_all,
    "GET subscription_schedules/*": schedules.retrieve,
    "POST subscription_schedules/*": schedules.update,
    "POST subscription_schedules/*/cancel": schedules.cancel,
    "POST subscription_schedules/*/release": schedules.release,
    "POST subscriptions": subscriptions.create,
    "GET subscriptions": subscriptions.list_all,
    "GET subscriptions/search": subscriptions.search,
    "GET subscriptions/*": subscriptions.retrieve,
    "POST subscriptions/*": changes.update,
    "DELETE subscriptions/*": subscriptions.cancel,
    "GET subscription_items": subscriptions.list_items,
    "POST webhook_endpoints": webhook_endpoints.create,
    "GET webhook_endpoints": webhook_endpoints.list_all,
    "GET webhook_endpoints/*": webhook_endpoints.retrieve,
    "POST webhook_endpoints/*": webhook_endpoints.update,
    "DELETE webhook_endpoints/*": webhook_endpoints.delete,
}

# Fields that an answer has only when it was asked for them.
VIRTUAL: dict[tuple[str, str], Virtual] = {
    ("charge", "refunds"): refunds.of_charge,
    ("checkout.session", "line_items"): checkout.line_items_of,
    ("customer", "subscriptions"): subscriptions.of_customer,
    ("price", "tiers"): amounts.tiers_of,
    ("invoice", "confirmation_secret"): invoices.confirmation_secret,
    ("invoice", "payments"): invoice_payments.of_invoice,
}


@dataclass(frozen=True)
class Route:
    """A handler with the ids from the path."""

    key: str
    handler: Handler
    ids: tuple[str, ...]

    def run(self, uow: UnitOfWork, params: Params) -> Json:
        """Raises Stripe's error for unknown and for unsupported parameters."""
        check(self.key, params.raw)
        answer = self.handler(uow, *self.ids, params)
        refuse_unread(params)
        return answer


def _compiled(key: str) -> tuple[str, re.Pattern[str]]:
    method, path = key.split(" ", 1)
    return method, re.compile("/v1/" + re.escape(path).replace(r"\*", "([^/]+)") + "/?")


_COMPILED = [(*_compiled(key), key) for key in TABLE]


def route_for(method: str, path: str) -> Route:
    """In the table literal paths come before those with an id, so they win."""
    for wanted, pattern, key in _COMPILED:
        if wanted == method and (found := pattern.fullmatch(path)):
            return Route(key, TABLE[key], found.groups())
    raise unknown_route(method, path)
