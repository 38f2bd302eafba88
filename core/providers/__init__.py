"""Providers: who is licensed where, and which of them sees which patient."""
