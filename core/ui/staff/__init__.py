"""The dialogs that change a staff account."""
