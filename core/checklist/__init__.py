"""The deployment checklist: whether this installation is ready for real patients and real money."""
