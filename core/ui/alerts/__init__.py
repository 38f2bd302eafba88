"""Alerts in the console: firing and past alerts, their messages, the rules and their dry run."""
