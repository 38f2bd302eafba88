"""Stripe's events, from signed bytes to rows of the mirror."""
