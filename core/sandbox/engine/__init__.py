"""The sandbox's engine: clock, storage, ids, lists, idempotency, faults and webhooks."""
