"""Failed payments: what can be retried and when, retrying, payment links, and the figures."""
