"""Parts of the page Subscriptions: charts, lists, one subscription, and the dialogs that change it."""
