"""The parts of the overview page: figure cards, charts and action items."""
