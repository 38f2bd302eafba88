"""The Events page: new events appear as they arrive, one event is shown in full, and failed ones are replayed."""

import itertools
from contextlib import contextmanager
from dataclasses import replace

import pytest
from playwright.sync_api import expect

from core.events import inbox, lookup, registry, webhook_counters
from core.staff import audit
from core.staff.roles import Actor, Role
from tests.browser.conftest import choose_first_row
from tests.factories import body_of, charge, event

NUMBERS = itertools.count()
NASTY = "<img src=x onerror=alert(1)> :red[x] ![a](http://evil.example/x) $\\frac{1}{2}$ =cmd()"


def receive(console, *told):
    now = console.services.clock()
    batch = [inbox.prepare(each, body_of(each), livemode=False) for each in told]
    return inbox.receive(console.services.db, batch, now=now)


@contextmanager
def older_code():
    """What is received within it is projected by code that leaves the amount out, so that the database refuses it."""
    todays = registry._by_type["charge.succeeded"]
    registry._by_type["charge.succeeded"] = lambda snapshot: {"charges": [registry.row(snapshot)]}
    try:
        yield
    finally:
        registry._by_type["charge.succeeded"] = todays


@pytest.fixture
def failed(console):
    """An event that could not be applied, of a charge that the mirror does not have."""
    number = next(NUMBERS)
    at = int(console.services.clock().timestamp()) - 5
    told = event(f"evt_failed{number}", "charge.succeeded", charge(id=f"ch_failed{number}"), at=at)
    with older_code():
        assert receive(console, told) == ["failed"]
    return told


def handled(console, told):
    return lookup.one(console.services.db, told["id"])


def test_an_event_appears_as_it_arrives(console, page):
    console.open(page, "support", "/events")
    expect(page.get_by_text("No event has come from Stripe yet")).to_be_visible()
    receive(console, event("evt_first", "charge.succeeded", charge(id="ch_first")))
    expect(page.get_by_text("What is arriving now?")).to_be_visible()
    receive(console, event("evt_seen", "charge.succeeded", charge(id="ch_seen")))
    expect(page.locator(".payops-ticker").get_by_text("ch_seen")).to_be_visible()
    expect(page.get_by_role("button", name="Replay these", exact=True)).to_have_count(0)


def test_ops_replay_a_failed_event_after_seeing_what_that_does(console, failed, page):
    console.open(page, "ops", f"/events?event={failed['id']}")
    expect(page.get_by_text("charge.succeeded: failed, will be retried")).to_be_visible()
    expect(page.get_by_text("Not in the mirror.")).to_be_visible()
    page.get_by_role("button", name="Replay", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("In the mirror 1 row is added.")).to_be_visible()
    dialog.get_by_role("button", name="Replay", exact=True).click()
    expect(dialog.get_by_text("Enter a reason for the audit log.")).to_be_visible()
    assert handled(console, failed)["outcome"] == "failed"
    dialog.get_by_role("textbox", name="Reason").fill("The code is mended.")
    dialog.get_by_role("textbox", name="Reason").press("Tab")
    dialog.get_by_role("button", name="Replay", exact=True).click()
    expect(page.get_by_text(f"Replayed: {failed['id']} is applied.")).to_be_visible()
    expect(page.get_by_text("charge.succeeded: applied")).to_be_visible()
    assert handled(console, failed)["outcome"] == "applied"
    now = console.services.clock()
    sought = audit.EntryFilter(now.replace(year=2020), now.replace(year=2100), subject=f"event:{failed['id']}")
    (entry,) = audit.entries(console.services.db, Actor("staff:x", Role.ADMIN), sought).entries
    assert (entry["actor"], entry["reason"]) == ("staff:ops", "The code is mended.")


def test_all_matching_events_are_replayed_at_once(console, page):
    stamp = int(console.services.clock().timestamp()) - 5
    several = [event(f"evt_many{n}", "charge.succeeded", charge(id="ch_many"), at=stamp + n) for n in range(3)]
    with older_code():
        assert set(receive(console, *several)) == {"failed"}
    console.open(page, "admin", "/events?object=ch_many&outcome=failed")
    page.get_by_role("button", name="Replay these", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("3 events: 3 applied.")).to_be_visible()
    dialog.get_by_role("textbox", name="Reason").fill("The code is mended.")
    dialog.get_by_role("textbox", name="Reason").press("Tab")
    dialog.get_by_role("button", name="Replay 3 events").click()
    expect(page.get_by_text("Replayed 3 events: 3 applied.")).to_be_visible()
    expect(page.get_by_text("No event matches.")).to_be_visible()


def test_a_viewer_can_read_an_event_but_not_replay_it(console, failed, page):
    private = charge(id=failed["data"]["object"]["id"], amount_refunded=900)
    told = event("evt_refunded", "charge.refunded", private, at=failed["created"] + 1)
    told["data"]["previous_attributes"] = {"amount_refunded": 0, "billing_details": {"name": "Ana B."}}
    receive(console, told)
    console.open(page, "finance", "/events?event=evt_refunded")
    expect(page.get_by_text("charge.refunded: applied")).to_be_visible()
    for heading in ("Records it wrote", "What changed at Stripe", "All events of this object"):
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
    page.get_by_text("Stored payload").click()
    payload = page.get_by_test_id("stCode")
    expect(payload).to_contain_text('"last4": "4242"')
    expect(payload).not_to_contain_text("Ana")
    expect(page.get_by_role("button", name="Replay", exact=True)).to_have_count(0)
    page.get_by_role("button", name="Show this object's events").click()
    expect(page.get_by_role("textbox", name="Object or event")).to_have_value(private["id"])
    page.wait_for_url(f"**object={private['id']}*")


def test_a_row_leads_to_its_event_and_the_way_back_to_the_same_list(console, page):
    receive(console, event("evt_only", "charge.expired", charge(id="ch_only")))
    console.open(page, "ops", "/events?type=charge.expired&object=ch_only")
    table = page.get_by_test_id("stDataFrame").first
    expect(table).to_be_visible()
    table.scroll_into_view_if_needed()
    choose_first_row(page, table, "event")
    assert "event=evt_only" in page.url
    expect(page.get_by_text("charge.expired: applied")).to_be_visible()
    page.get_by_role("button", name="All events").click()
    expect(page.get_by_role("textbox", name="Object or event")).to_have_value("ch_only")
    assert "event=" not in page.url
    expect(page.get_by_text("1 event matches and is handled")).to_be_visible()
    page.get_by_role("textbox", name="Object or event").fill("evt_nowhere")
    page.get_by_role("textbox", name="Object or event").press("Enter")
    expect(page.get_by_text("No event matches in this period")).to_be_visible()


@pytest.mark.own_tab
def test_text_in_an_event_is_escaped(console, page):
    """Today's code keeps no such text of an event; an inbox may be older."""
    said = []
    page.on("dialog", lambda dialog: said.append(dialog.message))
    page.on("request", lambda request: "evil.example" in request.url and said.append(request.url))
    told = event("evt_nasty", "charge.updated", charge())
    today = inbox.prepare(told, body_of(told), livemode=False)
    as_it_came = {"type": NASTY, "object_id": NASTY, "payload": {"object": {"id": NASTY, "status": NASTY}}}
    older = replace(today, event=today.event | as_it_came, records={}, outcome="ignored", reason=NASTY)
    inbox.receive(console.services.db, [older], now=console.services.clock())
    console.open(page, "ops", "/events?event=evt_nasty")
    expect(page.get_by_text("onerror=alert(1)").first).to_be_visible()
    page.get_by_role("button", name="All events").click()
    expect(page.locator(".payops-ticker").get_by_text("onerror=alert(1)").first).to_be_visible()
    expect(page.locator("[data-testid=stMain] img[src='x'], .katex, a[href*='evil']")).to_have_count(0)
    assert said == []


def test_refused_webhook_senders_are_listed(console, page):
    counted = [{"address": "203.0.113.9", "reason": "bad_signature", "times": 7}]
    now = console.services.clock()
    console.services.db.call("record_webhook_counters", rejections=counted, verified=[], now=now)
    assert webhook_counters.rejections(console.services.db, now.replace(year=2020))
    console.open(page, "ops", "/events")
    page.get_by_text("Refused at the webhook: 7 requests").click()
    expect(page.get_by_test_id("stDataFrame").last).to_be_visible()
