"""Payments: why they fail, and what may be done about it."""
