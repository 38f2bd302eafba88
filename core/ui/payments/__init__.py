"""How the console shows payments, refunds, and recovery, and the dialogs that act on them."""
