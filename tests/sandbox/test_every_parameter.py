"""Every parameter that the pinned SDK knows, on every request that
writes: applied to the object, or refused by name.
"""

import re
import typing
from collections.abc import Iterator
from importlib import import_module
from uuid import uuid4

import httpx
import pytest

from core.sandbox.http.known_params import shape_of
from core.sandbox.http.routes import TABLE

ROUTES = sorted(key for key in TABLE if key.startswith("POST") and key != "POST files" and shape_of(key))
OF_THE_SDK = {"api_key", "content_type", "expand", "headers", "idempotency_key", "max_network_retries"} | {
    "stripe_account",
    "stripe_context",
    "stripe_version",
}
# What shows in another field, or in what happens; each has a test of its own or is Stripe's to ignore.
ELSEWHERE = {
    "POST checkout/sessions": "line_items payment_intent_data subscription_data setup_intent_data",
    "POST credit_notes": "amount lines refund_amount credit_amount out_of_band_amount",
    "POST customers": "payment_method",
    "POST invoices/create_preview": "subscription_details invoice_items preview_mode subscription",
    "POST plans": "product",
    "POST subscription_schedules": "phases start_date from_subscription",
    "POST subscription_schedules/*": "phases",
    "POST subscription_schedules/*/release": "preserve_cancel_date",
    "POST invoices/*/finalize": "auto_advance",
    "POST invoices/*/pay": "off_session paid_out_of_band payment_method",
    "POST payment_intents": "confirm use_stripe_sdk payment_method_data",
    "POST payment_intents/*": "payment_method_data",
    "POST payment_intents/*/capture": "amount_to_capture final_capture",
    "POST payment_intents/*/confirm": "error_on_requires_action mandate_data off_session use_stripe_sdk return_url "
    "payment_method_data",
    "POST payment_methods": "card us_bank_account",
    "POST prices": "product_data tiers unit_amount transfer_lookup_key recurring",
    "POST prices/*": "transfer_lookup_key",
    "POST promotion_codes": "promotion",
    "POST refunds": "",
    "POST setup_intents": "confirm use_stripe_sdk payment_method_data mandate_data return_url",
    "POST setup_intents/*": "payment_method_data",
    "POST setup_intents/*/confirm": "mandate_data return_url use_stripe_sdk payment_method_data",
    "POST subscriptions": "cancel_at add_invoice_items off_session payment_behavior proration_behavior trial_end "
    "trial_from_plan "
    "trial_period_days items",
    "POST subscriptions/*": "cancel_at add_invoice_items billing_cycle_anchor off_session payment_behavior "
    "proration_behavior "
    "proration_date trial_end items",
    "POST disputes/*": "submit",
    "POST webhook_endpoints/*": "disabled",
}

LEAST = {
    "invoices/*/pay": {"payment_method": "pm_card_visa"},
    "payment_intents/*/confirm": {"payment_method": "pm_card_visa"},
}


class Caller:
    """Requests as any HTTP client makes them, and one object of each kind to change."""

    def __init__(self, base_url: str, key: str) -> None:
        self._http = httpx.Client(base_url=base_url, headers={"Authorization": f"Bearer {key}"}, trust_env=False)
        self._kept = ""
        self.customer = self.made("customers", email="a@example.com")
        card = {"type": "card", "card[token]": "tok_visa"}
        self.card = self.made("payment_methods", **card)
        self.made(f"payment_methods/{self.card}/attach", customer=self.customer)
        default = {"invoice_settings[default_payment_method]": self.card}
        self.made(f"customers/{self.customer}", **default)
        self.product = self.made("products", name="Care plan")
        recurring = {"recurring[interval]": "month"}
        self.price = self.made("prices", product=self.product, currency="usd", unit_amount="4900", **recurring)
        self.once = self.made("prices", product=self.product, currency="usd", unit_amount="4900")
        self.coupon = self.made("coupons", percent_off="10")

    def made(self, path: str, **sent: str) -> str:
        answer = self.post(path, sent)
        assert answer.status_code == 200, (path, sent, answer.text)
        return str(answer.json()["id"])

    def post(self, path: str, sent: dict[str, str]) -> httpx.Response:
        return self._http.post(f"/v1/{path}", data=sent)

    def get(self, path: str, sent: dict[str, str]) -> httpx.Response:
        return self._http.get(f"/v1/{path}", params=sent)

    def intent(self, **more: str) -> str:
        return self.made("payment_intents", amount="5000", currency="usd", customer=self.customer, **more)

    def paid(self) -> str:
        return self.intent(payment_method=self.card, confirm="true")

    def charge(self) -> str:
        return str(self._http.get("/v1/charges", params={"payment_intent": self.paid()}).json()["data"][0]["id"])

    def invoice(self) -> str:
        self.made("invoiceitems", customer=self.customer, amount="900", currency="usd")
        return self.made("invoices", customer=self.customer)

    def subscription(self) -> str:
        sent = {"items[0][price]": self.price, "default_payment_method": self.card}
        return self.made("subscriptions", customer=self.customer, **sent)

    def kept_subscription(self) -> str:
        """One that previews may be asked of, made once."""
        self._kept = self._kept or self.subscription()
        return self._kept

    def dispute(self) -> str:
        return str(self._http.post("/sandbox/disputes", json={"charge": self.charge()}).json()["id"])

    def request(self, key: str) -> tuple[str, dict[str, str]]:
        """The path and the least that a request of this kind must send."""
        path = key.removeprefix("POST ")
        known = {
            "checkout/sessions": {
                "line_items[0][price]": self.once,
                "line_items[0][quantity]": "1",
                "mode": "payment",
                "success_url": "https://shop.test/done",
            },
            "coupons": {"percent_off": "10"},
            "invoiceitems": {"amount": "900", "currency": "usd", "customer": self.customer},
            "invoices": {"customer": self.customer},
            "invoices/create_preview": {"subscription": self.kept_subscription()} if "preview" in path else {},
            "plans": {"amount": "900", "currency": "usd", "interval": "month", "product": self.product},
            "subscription_schedules": {"customer": self.customer, "phases[0][items][0][price]": self.price},
            "payment_intents": {"amount": "5000", "currency": "usd"},
            "payment_methods": {"card[token]": "tok_visa", "type": "card"},
            "prices": {"currency": "usd", "product": self.product, "unit_amount": "4900"},
            "products": {"name": "Care plan"},
            "promotion_codes": {"promotion[coupon]": self.coupon, "promotion[type]": "coupon"},
            "subscriptions": {
                "customer": self.customer,
                "default_payment_method": self.card,
                "items[0][price]": self.price,
            },
            "webhook_endpoints": {"enabled_events[0]": "*", "url": f"http://127.0.0.1:9/{uuid4()}"},
        }
        if "*" not in path:
            if path == "credit_notes":
                return path, {"amount": "100", "invoice": self.made(f"invoices/{self.invoice()}/finalize")}
            return path, {"charge": self.charge()} if path == "refunds" else known.get(path, {})
        return path.replace("*", self._one_for(path)), LEAST.get(path, {}) | (
            {"customer": self.customer} if path.endswith("attach") else {}
        )

    def _one_for(self, path: str) -> str:
        noun = path.split("/*")[0]
        if path == "payment_intents/*/capture":
            return self.intent(payment_method=self.card, capture_method="manual", confirm="true")
        if path == "payment_methods/*/attach":
            return self.made("payment_methods", **{"type": "card", "card[token]": "tok_visa"})
        if path in ("payment_methods/*/detach", "payment_methods/*"):
            return self.made("payment_methods/pm_card_visa/attach", customer=self.customer)
        if path.startswith("invoices/*/") and not path.endswith(("finalize", "send")):
            return self.made(f"invoices/{self.invoice()}/finalize")
        makers = {
            "charges": self.charge,
            "checkout/sessions": lambda: self.made(
                *self.request("POST checkout/sessions")[:1], **self.request("POST checkout/sessions")[1]
            ),
            "disputes": self.dispute,
            "invoices": self.invoice,
            "payment_intents": lambda: self.intent(payment_method=self.card),
            "refunds": lambda: self.made("refunds", charge=self.charge()),
            "setup_intents": lambda: self.made("setup_intents", customer=self.customer, payment_method=self.card),
            "subscriptions": self.subscription,
        }
        if noun in makers:
            return makers[noun]()
        fixed = {"coupons": self.coupon, "customers": self.customer, "prices": self.price, "products": self.product}
        if noun in fixed:
            return fixed[noun]
        create = f"POST {noun}"
        path, sent = self.request(create)
        return self.made(path, **sent)


@pytest.fixture(scope="module")
def caller(sandbox) -> Caller:
    return Caller(sandbox.address.base_url, sandbox.address.secret_key)


def samples(shape: type, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """Each parameter of a request with a value that its type allows, two levels deep."""
    home = import_module(shape.__module__)
    for name, annotation in shape.__annotations__.items():
        if not prefix and name in OF_THE_SDK:
            continue
        said, path = repr(annotation), f"{prefix}[{name}]" if prefix else name
        nested = [getattr(home, each) for each in re.findall(r"\b[A-Z]\w*Params\w+", said) if hasattr(home, each)]
        listed = "List[" in said
        if nested and "Dict[" not in said:
            if depth < 1:
                yield from samples(nested[0], f"{path}[0]" if listed else path, depth + 1)
            continue
        yield (f"{path}[0]" if listed else f"{path}[key]" if "Dict[" in said else path), value_of(name, said)


def value_of(name: str, said: str) -> str:
    literals = re.findall(r"Literal\[([^\]]*)\]", said)
    choices = [choice.strip(" '\"") for part in literals for choice in part.split(",") if choice.strip(" '\"")]
    if choices:
        return choices[0]
    if re.search(r"\bbool\b", said):
        return "true"
    if re.search(r"\bint\b", said):
        return "7"
    return "1.5" if re.search(r"\bfloat\b|\bDecimal\b", said) else f"text of {name}"[:30]


def refuses(error: dict[str, str], path: str) -> bool:
    """Whether the refusal is of this parameter."""
    said = f"{error.get('param')} {error['message']}"
    return any(name in said for name in (re.split(r"\[", path)[0], path.rstrip("]").split("[")[-1]))


def shows(answer: typing.Any, path: str, value: str) -> bool:
    for step in re.findall(r"[^\[\]]+", path):
        if isinstance(answer, list):
            answer = answer[int(step)] if step.isdigit() and int(step) < len(answer) else None
        elif isinstance(answer, dict):
            answer = answer.get(step)
    return str(answer).lower() == value.lower() or (isinstance(answer, int) and str(answer) == value)


@pytest.mark.parametrize("key", ROUTES)
def test_each_parameter_is_applied_or_refused_by_its_name(caller, key):
    dropped = []
    for path, value in samples(shape_of(key)):
        address, least = caller.request(key)
        if path == "paid_out_of_band":
            least = {}
        if path.startswith("invoice_items"):
            least = {**least, "invoice_items[0][amount]": "900", "invoice_items[0][currency]": "usd"}
        answer = caller.post(address, {**least, path: value})
        body, name = answer.json(), re.split(r"\[", path)[0]
        assert answer.status_code < 500, (path, value, answer.text)
        if answer.status_code == 200:
            if name not in ELSEWHERE.get(key, "").split() and not shows(body, path, value):
                dropped.append((path, value))
        elif not refuses(body["error"], path) and body["error"].get("code") != "invoice_upcoming_none":
            dropped.append((path, value, body["error"]["message"]))
    assert dropped == [], "\n".join(map(str, dropped))
