"""The panels and dialogs of the finance pages."""
