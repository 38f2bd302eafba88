"""Alerts: rules over the figures, what fires, the messages about it and their delivery."""
