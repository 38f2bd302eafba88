"""What each Stripe object leaves in the mirror: an allow-list of its fields, and nothing else of it."""

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
