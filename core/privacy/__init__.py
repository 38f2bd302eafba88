"""Keeping health and personal information out of everything sent to Stripe."""
