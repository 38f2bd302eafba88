"""How the console shows a Stripe event and replays it."""
