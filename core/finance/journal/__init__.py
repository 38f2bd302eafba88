"""The journal: the movements of Stripe's balance as double-entry lines on the company's accounts."""
