"""Disputes and fraud warnings: evidence, deadlines, the card networks' limits, and the figures."""
