"""How the console shows consultations, and the dialogs that assign them."""
