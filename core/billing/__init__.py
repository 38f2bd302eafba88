"""Billing: what subscriptions cost, the history of their items, recurring revenue and churn."""
