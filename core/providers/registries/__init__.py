"""Public registries of providers: the NPI registry, its taxonomy codes, and the list of excluded individuals."""
