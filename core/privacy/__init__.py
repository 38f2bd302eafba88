"""Health and personal information kept out of what Stripe is told."""
