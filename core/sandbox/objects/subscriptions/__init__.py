"""Subscriptions: begun, billed, changed, paused, tried again, ended."""
