"""Finance: reconciliation, revenue, journal, bank statements and scheduled exports."""
