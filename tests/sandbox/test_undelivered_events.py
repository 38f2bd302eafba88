"""The list of events says which of them are still to be delivered."""

from tests.sandbox.test_every_parameter import Caller, caller  # noqa: F401


def test_events_that_wait_for_an_endpoint_are_listed_alone(caller: Caller):  # noqa: F811
    before = {each["id"] for each in caller.get("events", {"limit": "100"}).json()["data"]}
    address = "http://127.0.0.1:9/nobody-listens"
    caller.made("webhook_endpoints", url=address, **{"enabled_events[]": "customer.created"})
    caller.made("customers")
    waiting = caller.get("events", {"limit": "100", "delivery_success": "false"}).json()["data"]
    assert [(each["type"], each["pending_webhooks"]) for each in waiting] == [("customer.created", 1)]
    delivered = caller.get("events", {"limit": "100", "delivery_success": "true"}).json()["data"]
    assert waiting[0]["id"] not in {each["id"] for each in delivered} and before <= {each["id"] for each in delivered}
    assert caller.get(f"events/{waiting[0]['id']}", {}).json()["pending_webhooks"] == 1
