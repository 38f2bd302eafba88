"""A simulated Stripe: its own process, its own SQLite file, reached by the real SDK over HTTP."""
