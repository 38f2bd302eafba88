"""The payment API's eight operations: their requests and answers, who may call them, and their calls to Stripe."""
