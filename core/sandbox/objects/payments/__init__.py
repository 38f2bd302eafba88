"""Payment intents, charges, payment methods, refunds, disputes, and checkout."""
