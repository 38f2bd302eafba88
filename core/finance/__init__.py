"""Finance: what the bank received, and how it fits what Stripe paid out."""
