"""How the console shows the overview's figures."""
