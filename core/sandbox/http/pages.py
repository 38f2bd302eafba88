"""The customer's pages: checkout, hosted invoice, authentication and receipt."""

import html
import time
from functools import cache, partial
from pathlib import Path
from string import Template

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from core.sandbox.engine.engine import Engine
from core.sandbox.engine.errors import Json, StripeError
from core.sandbox.engine.limits import shown
from core.sandbox.engine.params import Params
from core.sandbox.engine.unit_of_work import UnitOfWork
from core.sandbox.objects.billing import invoice_requests
from core.sandbox.objects.payments import (
    checkout_payment,
    confirmation,
    payment_method_shape,
    payment_methods,
    setup_intents,
)

NO_BILLING = payment_method_shape.billing_details(Params({}))


class Pages:
    """Plain HTML forms, so that a browser, a test or `curl` can pay."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def routes(self) -> list[Route]:
        both = ["GET", "POST"]
        return [
            Route("/checkout/{session}", self.checkout, methods=both),
            Route("/checkout/{session}/cancel", self.cancel_checkout),
            Route("/invoices/{invoice}", self.invoice, methods=both),
            Route("/authenticate/{intent}", self.authenticate, methods=both),
            Route("/receipts/{charge}", self.receipt),
        ]

    async def checkout(self, request: Request) -> Response:
        session = self._object(request.path_params["session"], "checkout.session")
        if session is None:
            return _page("Not found", "<section>This checkout does not exist.</section>", status=404)
        if session["status"] != "open":
            return self._closed_checkout(session)
        problem = None
        if request.method == "POST":
            form = await request.form()
            try:
                return self._paid(self._engine.transact(partial(_pay_session, session["id"], form)))
            except (StripeError, ValueError) as error:
                problem = str(error)
        return _page("Checkout", _summary(session, self._lines(session)) + _card_form(session, problem), status=200)

    def _paid(self, session: Json) -> Response:
        """Redirect to the shop, or to authentication if the card requires it."""
        waiting = self._engine.transact(lambda uow: _waiting_intent(uow, session))
        if waiting is not None:
            return RedirectResponse(f"/authenticate/{waiting}?session={session['id']}", 303)
        return _finished(session)

    def _closed_checkout(self, session: Json) -> Response:
        if session["status"] == "complete":
            return _finished(session)
        return _page("Expired", "<section><h1>This checkout has expired.</h1></section>", status=410)

    async def cancel_checkout(self, request: Request) -> Response:
        session = self._object(request.path_params["session"], "checkout.session")
        if session is None or not session["cancel_url"]:
            return _page("Cancelled", "<section><h1>You were not charged.</h1></section>")
        return RedirectResponse(session["cancel_url"], 303)

    async def invoice(self, request: Request) -> Response:
        invoice = self._object(request.path_params["invoice"], "invoice")
        if invoice is None:
            return _page("Not found", "<section>This invoice does not exist.</section>", status=404)
        problem = None
        if request.method == "POST":
            form = await request.form()
            try:
                self._engine.transact(partial(_pay_invoice, invoice["id"], form))
            except (StripeError, ValueError) as error:
                waiting = _authentication_of(error)
                if waiting is not None:
                    return RedirectResponse(f"/authenticate/{waiting}", 303)
                problem = str(error)
            invoice = self._object(invoice["id"], "invoice") or invoice
        return _page(f"Invoice {invoice['number']}", _invoice_summary(invoice) + _invoice_form(invoice, problem))

    async def authenticate(self, request: Request) -> Response:
        intent_id = request.path_params["intent"]
        intent = self._object(intent_id, "payment_intent") or self._object(intent_id, "setup_intent")
        if intent is None:
            return _page("Not found", "<section>This payment does not exist.</section>", status=404)
        if request.method == "POST":
            succeed = (await request.form()).get("outcome") == "complete"
            work = confirmation.authenticate if intent["object"] == "payment_intent" else setup_intents.authenticate
            try:
                intent = self._engine.transact(lambda uow: work(uow, intent_id, succeed=succeed))
            except StripeError as error:
                return _page("Authentication", f'<section><p class="error">{html.escape(str(error))}</p></section>')
            return self._back(request, intent)
        body = _read("authenticate").substitute(action=html.escape(str(request.url)))
        return _page("Authentication", body)

    def _back(self, request: Request, intent: Json) -> Response:
        session = self._object(request.query_params.get("session", ""), "checkout.session")
        if session is not None:
            done = session["status"] == "complete"
            return _finished(session) if done else RedirectResponse(f"/checkout/{session['id']}", 303)
        words = "Authenticated." if intent["status"] in ("succeeded", "requires_capture") else "Not authenticated."
        return _page("Authentication", f'<section><p class="done">{words} You can close this page.</p></section>')

    async def receipt(self, request: Request) -> Response:
        charge = self._object(request.path_params["charge"], "charge")
        if charge is None:
            return _page("Not found", "<section>This receipt does not exist.</section>", status=404)
        details = charge["payment_method_details"]
        paid_with = details.get("card") or details["us_bank_account"]
        name = paid_with["brand"] if "card" in details else paid_with["bank_name"]
        body = f'<h1>Receipt</h1><p class="total">{shown(charge["amount_captured"], charge["currency"])}</p>'
        return _page("Receipt", f'<section>{body}<p class="soft">{name} •••• {paid_with["last4"]}</p></section>')

    def _object(self, object_id: str, object_type: str) -> Json | None:
        found = self._engine.transact(lambda uow: uow.find(object_id))
        return found if found is not None and found["object"] == object_type else None

    def _lines(self, session: Json) -> list[Json]:
        lines: list[Json] = self._engine.transact(lambda uow: uow.hidden(session["id"])).get("lines", [])
        return lines


def _pay_session(session_id: str, form: FormData, uow: UnitOfWork) -> Json:
    session = uow.get("checkout.session", session_id)
    method = _typed_card(uow, form)
    email, name = str(form.get("email") or "") or None, str(form.get("name") or "") or None
    return checkout_payment.pay(uow, session, method, email=email, name=name)


def _pay_invoice(invoice_id: str, form: FormData, uow: UnitOfWork) -> None:
    """The customer is present, so the card may require authentication."""
    method = _typed_card(uow, form)
    invoice_requests.pay_now(uow, invoice_id, Params({"payment_method": method["id"], "off_session": "false"}))


def _typed_card(uow: UnitOfWork, form: FormData) -> Json:
    number = "".join(ch for ch in str(form.get("number", "")) if ch.isdigit())
    month, _, year = str(form.get("expiry", "")).partition("/")
    if not (month.strip().isdigit() and year.strip().isdigit()):
        raise ValueError("Your card's expiration date is incomplete.")
    return payment_methods.from_number(uow, number, int(month), 2000 + int(year) % 100, NO_BILLING)


def _authentication_of(error: Exception) -> str | None:
    """The intent that waits for authentication, if the payment was refused for that."""
    intent = error.fields.get("payment_intent") if isinstance(error, StripeError) else None
    return str(intent["id"]) if intent and intent["status"] == "requires_action" else None


def _waiting_intent(uow: UnitOfWork, session: Json) -> str | None:
    kept = uow.hidden(session["id"])
    candidates = [kept.get("intent_id"), session["setup_intent"]]
    if session["invoice"]:
        candidates += [p["payment"]["payment_intent"] for p in uow.all("invoice_payment", "parent", session["invoice"])]
    found = (uow.find(candidate) for candidate in candidates)
    return next((intent["id"] for intent in found if intent and intent["status"] == "requires_action"), None)


def _finished(session: Json) -> Response:
    """Redirect to the shop with the session's id filled in, or show a confirmation page."""
    address = session["success_url"] or session.get("return_url")
    if not address:
        return _page("Complete", '<section><p class="done">This checkout is complete.</p></section>')
    return RedirectResponse(str(address).replace("{CHECKOUT_SESSION_ID}", session["id"]), 303)


def _summary(session: Json, lines: list[Json]) -> str:
    currency = session["currency"]
    off = session["total_details"]["amount_discount"]
    rows = [(f"{line['quantity']} × {line['description']}", shown(line["amount_total"], currency)) for line in lines]
    if off:
        rows.append(("Discount", "−" + shown(off, currency)))
    return _totals("Sandbox Telehealth", shown(session["amount_total"], currency), rows)


def _invoice_summary(invoice: Json) -> str:
    rows = [
        (line["description"] or "", shown(line["amount"], invoice["currency"])) for line in invoice["lines"]["data"]
    ]
    return _totals(f"Invoice {invoice['number']}", shown(invoice["amount_due"], invoice["currency"]), rows)


def _totals(title: str, total: str, rows: list[tuple[str, str]]) -> str:
    cells = "".join(f"<tr><td>{html.escape(left)}</td><td>{right}</td></tr>" for left, right in rows)
    return (
        f'<section class="plain"><h1>{html.escape(title)}</h1><p class="total">{total}</p>'
        f"<table>{cells}</table></section>"
    )


def _card_form(session: Json, problem: str | None) -> str:
    known = session["customer_email"] or (session["customer_details"] or {}).get("email") or ""
    email = (
        f'<label for="email">E-mail</label><input id="email" name="email" type="email" value="{html.escape(known)}">'
    )
    cancel = ""
    if session["cancel_url"]:
        cancel = f'<form action="/checkout/{session["id"]}/cancel"><button class="quiet">Cancel</button></form>'
    words = {"payment": "Pay", "subscription": "Subscribe", "setup": "Save card"}[session["mode"]]
    if session["amount_total"]:
        words += " " + shown(session["amount_total"], session["currency"])
    return _form(f"/checkout/{session['id']}", words, problem, email=email, cancel=cancel)


def _invoice_form(invoice: Json, problem: str | None) -> str:
    if invoice["status"] not in ("open", "uncollectible"):
        return f'<section><p class="done">This invoice is {invoice["status"]}.</p></section>'
    words = "Pay " + shown(invoice["amount_remaining"], invoice["currency"])
    return _form(f"/invoices/{invoice['id']}", words, problem)


def _form(action: str, button: str, problem: str | None, *, email: str = "", cancel: str = "") -> str:
    return _read("card_form").substitute(
        action=action,
        button=html.escape(button),
        cancel=cancel,
        email_field=email,
        expiry=f"12/{(time.gmtime().tm_year + 3) % 100:02d}",
        problem=f'<p class="error" role="alert">{html.escape(problem)}</p>' if problem else "",
    )


def _page(title: str, body: str, *, status: int = 200) -> HTMLResponse:
    shape = "" if body.count("<section") > 1 else "narrow"
    return HTMLResponse(_read("layout").substitute(title=html.escape(title), body=body, shape=shape), status)


@cache
def _read(name: str) -> Template:
    return Template((Path(__file__).parent / "html" / f"{name}.html").read_text())
