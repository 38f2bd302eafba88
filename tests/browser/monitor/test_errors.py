"""Incidents are read, linked to and resolved with what was done."""

import pytest
from playwright.sync_api import expect

from core.monitoring import incidents
from core.monitoring.incidents import Incident, IncidentLog


@pytest.fixture
def incident(console):
    log = IncidentLog(console.services.db, console.services.settings.data_dir)
    log.report(Incident("tested", "of the errors page", "A tested thing broke.", console.services.clock()))
    return next(one for one in incidents.newest(console.services.db) if one["kind"] == "tested")


def test_an_incident_is_opened_by_its_link_and_closed_with_what_was_done(console, incident, page):
    console.open(page, "ops", f"/errors?incident={incident['id']}")
    expect(page.get_by_role("heading", name="A tested thing broke.")).to_be_visible()
    page.get_by_role("button", name="Resolve", exact=True).click()
    page.get_by_role("textbox", name="What was done about it").fill("Turned off and on again.")
    page.get_by_role("dialog").get_by_role("button", name="Resolve incident").click()
    expect(page.get_by_text("Resolved. If it happens again, it opens again.")).to_be_visible()
    closed = next(one for one in incidents.newest(console.services.db, open_only=False) if one["id"] == incident["id"])
    assert (closed["resolved_by"], closed["resolution"]) == ("staff:ops", "Turned off and on again.")


def test_a_role_that_may_not_replay_events_sees_incidents_without_buttons(console, incident, page):
    console.open(page, "support", f"/errors?incident={incident['id']}")
    expect(page.get_by_role("heading", name="A tested thing broke.")).to_be_visible()
    expect(page.get_by_role("button", name="Resolve", exact=True)).to_have_count(0)


def test_a_click_on_a_row_puts_it_into_the_address(console, incident, page):
    console.open(page, "ops", "/errors")
    table = page.get_by_test_id("stDataFrame").first
    expect(table).to_be_visible()
    box = table.bounding_box()
    page.mouse.click(box["x"] + 20, box["y"] + 52)  # the mark before the first row, under the headings
    page.wait_for_url("**/errors?incident=*")
    expect(page.get_by_role("heading", level=3)).to_be_visible()
