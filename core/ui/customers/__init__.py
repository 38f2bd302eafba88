"""How the console shows a customer."""
