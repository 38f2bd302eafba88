"""Subscriptions: starting, billing, changing, pausing, retrying and ending them."""
