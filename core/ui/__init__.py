"""What the console's pages share: who is signed in, the shell around a page, filters."""
