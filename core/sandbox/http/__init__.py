"""The simulated Stripe over HTTP: Stripe's API, the customer's pages, and the control address."""
