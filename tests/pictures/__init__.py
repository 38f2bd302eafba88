"""Photographs of the console, for somebody to look at: `make pictures`."""
