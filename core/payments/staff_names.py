"""Actors as people read them: `staff:ana` is `ana`, `cli:root` is `root (command line)`."""

_KINDS = {"cli": "command line", "api": "API", "patient": "patient", "system": "automatic"}


def staff_name(actor: str | None) -> str:
    """The name of whoever did something; empty for nobody."""
    kind, _, name = (actor or "").partition(":")
    if kind == "staff":
        return name
    return f"{name} ({_KINDS[kind]})" if kind in _KINDS and name else actor or ""
