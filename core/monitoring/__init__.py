"""Monitoring: the overview, action items, incidents, alerts, and the figures for Prometheus."""
