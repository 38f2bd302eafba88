"""Incidents in the console: their list, one in detail, what to do about it, and the live system."""
