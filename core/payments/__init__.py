"""Payments: search, refunds, disputes, recovery of failed payments, and the payment API's operations."""
