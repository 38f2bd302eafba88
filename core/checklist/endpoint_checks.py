"""Checks a webhook endpoint, as Stripe's API shows it: its state, its types of event, and its API version."""

from core.checklist.finding import Verdict, failed, passed
from core.events.registry import projected_types
from core.figures.wording import counted
from core.stripe_gateway import API_VERSION, Json

ADD_ENDPOINT = (
    "Create it under Settings, First steps, or in Stripe's dashboard, under Developers, Webhooks. "
    "Then put its signing secret into STRIPE_WEBHOOK_SECRETS."
)


def of_address(endpoints: list[Json], address: str) -> Json | None:
    """The endpoint with this URL, preferably an enabled one; `localhost` and `127.0.0.1` count as the same."""
    found = [each for each in endpoints if _one_name(each["url"]) == _one_name(address)]
    return next((each for each in found if each["status"] == "enabled"), found[0] if found else None)


def _one_name(address: str) -> str:
    return address.rstrip("/").replace("://localhost:", "://127.0.0.1:")


def exists(found: Json | None, address: str) -> Verdict:
    """An enabled endpoint sends Stripe's events to this installation's URL."""
    if found is None:
        return failed(f"Stripe has no webhook endpoint with the address {address}.", ADD_ENDPOINT)
    if found["status"] != "enabled":
        return failed(
            f"Stripe's webhook endpoint {found['id']} is {found['status']}, so no event is sent.",
            "Enable it in Stripe's dashboard, under Developers, Webhooks.",
        )
    return passed(f"Stripe sends events to {address}.")


def events(found: Json) -> Verdict:
    """The endpoint is sent every type of event that payops works with."""
    missing = sorted(set(projected_types()) - set(found["enabled_events"]))
    if "*" in found["enabled_events"] or not missing:
        return passed("Stripe sends every type of event that payops works with.")
    named = ", ".join(missing[:5]) + (f" and {len(missing) - 5:,} more" if len(missing) > 5 else "")
    return failed(
        f"Stripe does not send {counted(len(missing), 'type')} of event that payops works with: {named}.",
        "Choose the types of docs/events.md for the endpoint in Stripe's dashboard.",
    )


def version(found: Json) -> Verdict:
    """The endpoint sends events in the API version that payops reads."""
    if found["api_version"] == API_VERSION:
        return passed(f"Events are sent in API version {API_VERSION}.")
    return failed(
        f"Events are sent in API version {found['api_version'] or 'of the account'}; payops reads {API_VERSION}.",
        f"Add an endpoint with API version {API_VERSION} in Stripe's dashboard, then remove the old one.",
    )
