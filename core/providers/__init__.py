"""Providers: the directory, their licences, and the assignment of consultations to them."""
