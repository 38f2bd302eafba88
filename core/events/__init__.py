"""Stripe's events: verified, stored in the inbox, and applied to the mirror, which is our copy of Stripe's objects."""
