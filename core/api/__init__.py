"""The API process: webhooks, the payment API and the health routes."""
