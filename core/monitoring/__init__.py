"""What is watched: the overview, action items, incidents, and the figures for Prometheus."""
