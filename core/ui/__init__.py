"""What the console's pages share: the session, the frame around each page, and the parts for each subject."""
