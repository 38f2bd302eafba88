"""Details, panels and dialogs for providers, licences and the provider registries."""
