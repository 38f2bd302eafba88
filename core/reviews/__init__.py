"""The daily checks and the weekly review: what was found, who looked at it, and what they say."""
