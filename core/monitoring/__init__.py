"""What is watched: incidents, and what they are made of."""
