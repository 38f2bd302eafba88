"""What surrounds every page: sign-in, session cookie, security headers, and the band with the payment mode."""
