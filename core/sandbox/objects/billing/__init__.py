"""Products, prices, subscriptions, invoices, and discounts."""
