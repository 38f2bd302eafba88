"""Alerts in the console: what fires, what was sent, the rules and their dry run."""
