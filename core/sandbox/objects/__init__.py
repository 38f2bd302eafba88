"""Stripe's objects, one module per object: what each request does to them."""
