#!/usr/bin/env bash
# stripe 16.1.0: within one event, a price's decimal amount is a Decimal after the change and a text before it.
#
# An event of an update holds the object as it is (`data.object`) and the fields as they were (`previous_attributes`).
# The SDK knows the object's type and makes a Decimal of `unit_amount_decimal`; it does not know the type of the earlier
# fields and leaves the same field a text. So an event that changed nothing but the nickname compares as a changed
# amount, and `Decimal("0.5") == "0.5"` is false without an error. And `to_dict()`, which the SDK's own error message
# recommends, gives a dict that `json.dumps` refuses: only `to_dict(for_json=True)` can be stored.
#
# Seen on 28 November 2026. This script fails when that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet stripe==16.1.0

"$folder/venv/bin/python" - <<'PYTHON'
import json
from decimal import Decimal

import stripe

EVENT = {
    "id": "evt_1",
    "object": "event",
    "type": "price.updated",
    "created": 1,
    "data": {
        "object": {"id": "price_1", "object": "price", "nickname": "new", "unit_amount_decimal": "0.5"},
        "previous_attributes": {"nickname": "old", "unit_amount_decimal": "0.5"},
    },
}

event = stripe.Event.construct_from(EVENT, "sk_test_made_up")
after = event.data.object["unit_amount_decimal"]
before = event.data.previous_attributes["unit_amount_decimal"]
print(f"stripe {stripe.VERSION}: after the change it is {after!r}, before it {before!r}; equal: {after == before}.")
assert (stripe.VERSION, after, before) == ("16.1.0", Decimal("0.5"), "0.5")
assert after != before

price = event.data.object
try:
    json.dumps(price.to_dict())
    said = "was written"
except TypeError as error:
    said = str(error)
print(f"json.dumps(price.to_dict()): {said}.")
assert said == "Object of type Decimal is not JSON serializable"
assert json.loads(json.dumps(price.to_dict(for_json=True)))["unit_amount_decimal"] == "0.5"
PYTHON
