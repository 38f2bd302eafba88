"""Attackers' text in every record, filter and search: shown as text, exported harmless, never run."""

import ast
import csv
import io
import re
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from core.events.inbox import prepare, receive
from core.monitoring.incidents import Incident, IncidentLog
from core.periods import wall_clock
from core.providers import intake
from core.staff import audit, flags, users
from core.staff.flags import Flow
from core.staff.roles import SYSTEM, Actor, Role
from tests import factories
from tests.browser.conftest import ALIVE, CHECKOUT, downloaded

EVIL = (
    "=cmd|' /C calc'!A0<img src=x onerror=alert(1)><script>alert(2)</script>![a](http://evil.example/x.png)"
    "` ``` [b](javascript:alert(3)) :red[r] :material/delete: $\\frac{1}{2}$ '; drop table payops.staff; -- %_\\ \u202e"
)
PAGES = sorted(path.stem.replace("_", "-") for path in (CHECKOUT / "pages").rglob("*.py"))
DETAILS = {"users": "user=evil"}  # elsewhere the poisoned record is the first
FILES = {"payments", "refunds", "disputes", "events", "errors", "users", "audit-log"}
DONE = '[data-testid="stApp"][data-test-script-state="notRunning"]'
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def keys_of_addresses():
    """Each name that a page or a filter reads from the query string, handed to a function of the page or not."""
    for path in [*(CHECKOUT / "pages").rglob("*.py"), *(CHECKOUT / "core" / "ui").rglob("*.py")]:
        text = path.read_text()
        if not re.search(r"query|choose|\bbind\b", text):
            continue  # nothing here that reads the query string; most files are not parsed
        nodes = list(ast.walk(ast.parse(text)))
        calls = [node for node in nodes if isinstance(node, ast.Call)]
        binding = set()
        for node in nodes:
            if isinstance(node, ast.FunctionDef):
                if 'bind="query-params"' in (ast.get_source_segment(text, node) or ""):
                    binding.add(node.name)
        for call in calls:
            named = {keyword.arg: keyword.value for keyword in call.keywords}
            found = [named.get("choose"), named.get("key") if "bind" in named else None]
            if _reads_an_address(call.func) or isinstance(call.func, ast.Name) and call.func.id in binding:
                found += call.args
            yield from (each.value for each in found if isinstance(each, ast.Constant))


def _reads_an_address(function):
    """Whether this is `query_params.get`, of Streamlit or of whatever stands for it."""
    if not isinstance(function, ast.Attribute) or function.attr != "get":
        return False
    of = function.value
    return getattr(of, "attr", getattr(of, "id", "")).endswith("query_params")


KEYS = sorted(key for key in {*keys_of_addresses()} if re.fullmatch(r"[a-z][a-z0-9_-]*", key))


def test_the_names_in_the_addresses_are_found():
    assert {"period", "currency", "before", "incident", "actor", "payment"} <= set(KEYS)


def test_injected_markup_would_be_detected(page):
    page.set_content(
        "<img src=x><span class=katex>x</span><span class=stMarkdownColoredText>r</span>"
        "<a href='http://evil.example'>x</a><a href='//evil.example'>x</a><a href='/\\evil.example'>x</a>"
        "<a href='javascript:alert(3)'>x</a><a href=' JavaScript:alert(3)'>x</a>"
        "<a href='/payments?find=http%3A%2F%2Fevil.example'>x</a>"
        "<a href='payments?payment=javascript%3Aalert(3)%2F%2Fevil.example'>x</a>"
    )
    assert page.locator(ALIVE).count() == 8


@pytest.fixture(scope="module")
def poisoned(console):
    """Each kind of record that somebody outside, or a colleague, writes a text into."""
    db, now = console.services.db, console.services.clock().replace(microsecond=0)
    metadata = {"orderId": EVIL, "patientId": EVIL}
    error = {"code": "card_declined", "decline_code": EVIL}
    at = int(now.timestamp()) - 600
    intent = factories.intent(created=at, metadata=metadata, last_payment_error=error)
    paid = factories.intent(id="pi_2", created=at, metadata=metadata, status="succeeded", amount_received=4900)
    charge = factories.charge(id="ch_2", created=at, metadata=metadata, payment_intent="pi_2")
    refund = {
        "id": "re_1",
        "object": "refund",
        "created": at,
        "amount": 100,
        "currency": "usd",
        "status": "succeeded",
        "charge": "ch_2",
        "payment_intent": "pi_2",
        "reason": EVIL,
        "metadata": metadata,
        "failure_reason": EVIL,
    }
    dispute = {
        "id": "dp_1",
        "object": "dispute",
        "created": at,
        "amount": 4900,
        "currency": "usd",
        "status": "needs_response",
        "charge": "ch_2",
        "payment_intent": "pi_2",
        "reason": EVIL,
        "livemode": False,
        "metadata": metadata,
        "evidence_details": {"due_by": at + 600_000},
        "balance_transactions": [],
    }
    events = [
        factories.event(f"evt_evil{number}", name, subject, at=at)
        for number, (name, subject) in enumerate(
            [
                ("payment_intent.payment_failed", intent),
                ("payment_intent.succeeded", paid),
                ("charge.succeeded", charge),
                ("refund.created", refund),
                ("charge.dispute.created", dispute),
            ]
        )
    ]
    ready = [prepare(event, factories.body_of(event), livemode=False) for event in events]
    assert set(receive(db, ready, now=now)) == {"applied"}
    IncidentLog(db, console.services.settings.data_dir).report(
        Incident("tested", EVIL, EVIL, now, sample={"what": EVIL}, request_id=EVIL)
    )
    mallory = Actor(f"staff:{EVIL}", Role.OPS)
    audit.record(db, mallory, EVIL, f"thing:{EVIL}", wall_clock(), reason=EVIL, after={EVIL: EVIL}, request_id=EVIL)
    users.add(db, SYSTEM, "evil", Role.OPS, f"{EVIL}@example.com", "a tram full of lemons", wall_clock())
    flags.switch(db, SYSTEM, Flow.DISCOUNTS, open=False, sentence="Soon.", reason="a test", now=now)
    flags.switch(db, SYSTEM, Flow.DISCOUNTS, open=True, sentence=EVIL[:300], reason=EVIL, now=now)
    provider = {
        "id": "evil",
        "name": EVIL,
        "email": "evil@example.com",
        "specialties": ["dermatology"],
        "capacity": 1,
        "active": True,
        "licences": [{"state": "TX", "number": EVIL, "expires_on": None}],
    }
    db.call("put_providers", actor="staff:ada", actor_role="admin", documents=[provider], trial=False, now=now)
    for number, state in enumerate(("TX", "TX", "WY")):
        asked = {
            "submissionId": f"evil-{number}",
            "patientId": EVIL[:100],
            "patientState": state,
            "specialty": "dermatology",
            "orderId": EVIL[:100],
        }
        intake.submit(db, intake.Submission.model_validate(asked), asked, now=now)


@pytest.fixture
def said(page):
    """Whatever should not have happened: a script that spoke, a request to somewhere else."""
    heard = []

    def speaks(dialog):
        heard.append(dialog.message)
        dialog.dismiss()

    def asks(request):
        if "evil.example" in request.url.partition("?")[0]:
            heard.append(request.url)

    page.on("dialog", speaks)
    page.on("request", asks)
    yield heard
    page.remove_listener("dialog", speaks)
    page.remove_listener("request", asks)


def settled(page):
    expect(page.get_by_text("Signed in as admin")).to_be_visible()
    expect(page.locator("h1").first).to_be_visible()
    expect(page.locator(DONE)).to_be_visible()
    expect(page.get_by_text("This page failed")).to_have_count(0)
    assert page.locator(ALIVE).evaluate_all("found => found.map(each => each.outerHTML)") == []


@pytest.mark.timeout(240)
@pytest.mark.parametrize("address", PAGES)
def test_injected_text_is_inert_on_every_page(console, poisoned, page, context, said, address):
    console.give_cookie(context, "admin")
    page.goto(f"{console.base}/{address}?period=7d")
    settled(page)
    buttons = page.get_by_role("button", name="CSV", exact=True)
    if address in FILES:
        expect(buttons.first).to_be_visible()
    for button in buttons.all():
        if button.is_visible() and button.is_enabled():
            assert_harmless(Path(downloaded(page, button).path()).read_text("utf-8-sig"))
    # The files come before a row is chosen: on some pages the chosen row takes the place of the list and its files.
    tables = page.get_by_test_id("stDataFrame").locator("visible=true")  # some are inside a closed part of the page
    if address in DETAILS:
        page.goto(f"{console.base}/{address}?period=7d&{DETAILS[address]}")
        settled(page)
    elif tables.count():
        tables.first.click(position={"x": 16, "y": 52})  # the mark of the first row
        page.wait_for_timeout(500)
        settled(page)

    page.goto(f"{console.base}/{address}?{urlencode(dict.fromkeys(KEYS, EVIL))}")
    settled(page)
    for field in page.get_by_test_id("stMain").get_by_role("textbox").all():
        if page.get_by_role("dialog").count():  # a drawer that the address or the text opened lies over the fields
            page.keyboard.press("Escape")
            expect(page.get_by_role("dialog")).to_have_count(0)
        if field.is_visible() and field.is_editable():
            field.fill(EVIL)
            field.press("Enter")
            settled(page)
    assert said == []
    assert console.services.db.call("list_users")


def assert_harmless(text):
    for row in csv.reader(io.StringIO(text)):
        for cell in row:
            assert (
                not cell.startswith(FORMULA_STARTS) or cell.replace(",", "").lstrip("+-").replace(".", "").isdigit()
            ), cell
