"""Bank statements: read, imported, and matched to payouts."""
