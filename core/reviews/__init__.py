"""The daily checks and the weekly review: findings, who signed them off, and comments."""
