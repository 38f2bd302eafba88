"""What each Stripe object leaves in the mirror: an allow-list of its fields, and nothing else of it."""

from core.events.projections import balances, billing, customers, disputes, payments, payouts

__all__ = ["balances", "billing", "customers", "disputes", "payments", "payouts"]
