"""Weekly exports: which tables can be scheduled, the schedules themselves, and writing those that are due."""
