"""What every figure is made of: its definition, its unit, its interval, and its words."""
