"""The payment API's eight operations: what each takes and gives, who may call it, and what it asks of Stripe."""
