"""What surrounds every page: sign-in, session cookie, security headers, and the mode band."""
