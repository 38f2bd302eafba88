"""payops: everything the console, the API and the commands share."""
