"""One search for everything that staff look for, and what each of them opened last."""
