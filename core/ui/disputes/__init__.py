"""How the console shows a dispute and submits evidence."""
