"""One customer: who they are at Stripe and with us, their payments and care, and colleagues' notes."""
