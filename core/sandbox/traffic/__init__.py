"""Live customers and the intake form of the simulated shop."""
