"""Details, charts and dialogs for payments, refunds and failed payments."""
