"""Parts of the page subscriptions: charts, lists, one subscription, and the dialogs that change it."""
