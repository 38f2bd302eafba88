"""The journal: what moved Stripe's balance as double-entry lines on the company's own accounts."""
