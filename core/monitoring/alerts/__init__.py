"""Alerts: rules over the figures, the alerts that fire, their messages and the delivery of these."""
