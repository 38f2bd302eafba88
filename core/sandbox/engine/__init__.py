"""What the simulated Stripe runs on: its clock, storage, ids, lists, idempotency, faults, and webhook sender."""
