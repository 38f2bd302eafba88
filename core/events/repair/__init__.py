"""How the mirror is filled and repaired from Stripe: backfill, sweep, refetch, comparison, and balance transactions."""
