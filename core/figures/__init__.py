"""Figures: their definitions, units, intervals and wording."""
