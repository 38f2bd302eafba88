"""Finance in the console: the panels and dialogs of its pages."""
