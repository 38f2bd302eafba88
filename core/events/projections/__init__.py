"""What each Stripe object leaves in the mirror: an allow-list of its fields, and nothing else of it."""

from core.events.projections import billing, customers, disputes, payments, payouts

__all__ = ["billing", "customers", "disputes", "payments", "payouts"]
