"""The projections: pure functions from a Stripe object to rows of the mirror, one module per kind of object."""

from core.events.projections import balances, billing, customers, discounts, disputes, payments, payouts, subscriptions

__all__ = [
    "balances",
    "billing",
    "customers",
    "discounts",
    "disputes",
    "payments",
    "payouts",
    "subscriptions",
]
