"""Every filter that the pinned SDK knows, on every list: it filters, or is refused by its name."""

import re

import pytest

from core.sandbox.http.known_params import shape_of
from core.sandbox.http.routes import TABLE
from tests.sandbox.test_every_parameter import Caller, caller, samples  # noqa: F401

LISTS = sorted(
    key for key in TABLE if key.startswith("GET") and not key.endswith(("*", "search", "account", "balance", "preview"))
)
TRUE_OF_ALL = {"payment[type]", "recurring[usage_type]"}
OF_EVERY_LIST = {"created", "ending_before", "expand", "limit", "starting_after"}


@pytest.fixture(scope="module")
def filled(caller) -> Caller:  # noqa: F811
    """At least one object in each list."""
    caller.dispute()
    caller.made("refunds", charge=caller.charge())
    caller.subscription()
    caller.made(f"invoices/{caller.invoice()}/finalize")
    caller.made("setup_intents", customer=caller.customer)
    for path in ("checkout/sessions", "promotion_codes", "webhook_endpoints"):
        caller.made(path, **caller.request(f"POST {path}")[1])
    return caller


@pytest.mark.parametrize("key", LISTS)
def test_each_list_filter_is_applied_or_refused(filled, key):
    """A value leaves something out, and the listed values of one filter never give an object twice."""
    path = key.removeprefix("GET ")
    owner = filled.customer if path.startswith("customers") else filled._one_for(path) if "*" in path else ""
    address, least = path.replace("*", owner), {}
    if path == "subscription_items":
        least = {"subscription": filled.subscription()}
    everything = filled.get(address, {**least, "limit": "100"})
    assert everything.status_code == 200, everything.text
    total, idle = len(everything.json()["data"]), []
    for name, value in samples(shape_of(key)):
        if name.split("[")[0] in OF_EVERY_LIST or name in least or name in TRUE_OF_ALL:
            continue
        value = "9999999999" if name.endswith(("[gt]", "[gte]")) else value
        values = listed_values(shape_of(key), name) or [value]
        answers = [filled.get(address, {**least, "limit": "100", name: each}) for each in values]
        found = [len(answer.json()["data"]) for answer in answers if answer.status_code == 200]
        if sum(found) > total or (len(values) == 1 and found == [total] and total):
            idle.append((name, values, found, total))
    assert idle == [], "\n".join(map(str, idle))


def listed_values(shape: type, name: str) -> list[str]:
    """The values a filter may have, where its type lists them; but for those that stand for several."""
    said = repr(shape.__annotations__.get(name, ""))
    literals = re.findall(r"Literal\[([^\]]*)\]", said)
    listed = [choice.strip(" '\"") for part in literals for choice in part.split(",") if choice.strip(" '\"")]
    if not listed and re.search(r"\bbool\b", said):
        return ["true", "false"]
    return [value for value in listed if value not in ("all", "ended")]
