"""How the console shows providers and their licences, and the dialogs that change them."""
