"""The page of the audit log: filters that are a link, the change behind an entry, and files that harm nobody."""

import csv
import io
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import expect

from core.periods import wall_clock
from core.staff import audit
from core.staff.audit_chain import chain_audit_log
from core.staff.roles import Actor, Role
from tests.browser.conftest import choose_first_row, downloaded

EVIL = "=cmd|' /C calc'!A0 <img src=x onerror=alert(1)> :red[x] $\\frac{1}{2}$ ![a](http://evil.example/x)"
ACTOR = Actor("staff:mallory", Role.OPS)


@pytest.fixture(scope="module")
def recorded(console):
    for number in range(130):
        audit.record(
            console.services.db,
            ACTOR,
            "test:thing:done",
            f"thing:{number}",
            wall_clock(),
            reason=EVIL,
            after={"what": EVIL, "n": number},
        )
    chain_audit_log(console.services.db, wall_clock())


def shown(page):
    return page.get_by_role("heading", name="No entry was changed or removed")


def test_a_link_is_a_view_and_older_entries_are_one_click_away(console, page, recorded):
    # While a page is drawn anew, what it was stays below for a moment.
    newest, older = (page.locator(f".st-key-{name} button").first for name in ("newest", "older"))
    console.open(page, "finance", "/audit-log?actor=mallory&period=7d")
    expect(shown(page)).to_be_visible()
    expect(page.get_by_label("Who")).to_have_value("mallory")
    older.click()
    page.wait_for_url("**before=*")
    expect(older).to_be_disabled()
    page.reload()
    expect(newest).to_be_enabled()
    newest.click()
    expect(older).to_be_enabled()
    assert "before=" not in page.url


@pytest.mark.own_tab
def test_a_chosen_entry_shows_what_changed_as_text_and_is_a_link(console, page, recorded):
    said = []
    page.on("dialog", lambda dialog: said.append(dialog.message))
    page.on("request", lambda request: "evil.example" in request.url and said.append(request.url))
    console.open(page, "finance", "/audit-log?actor=mallory&subject=thing:7")
    expect(shown(page)).to_be_visible()
    choose_first_row(page, page.get_by_test_id("stDataFrame").first, "entry")
    entry = page.locator(".st-key-chosen")
    expect(entry.get_by_role("heading", name="Thing done: thing 7")).to_be_visible()
    for _ in range(2):
        expect(entry.get_by_text(EVIL).first).to_be_visible()  # the grid may repeat it for screen readers
        expect(entry.get_by_text("test:thing:done")).to_be_visible()
        expect(entry.get_by_text("Chain position")).to_be_visible()
        expect(entry.get_by_test_id("stDataFrame")).to_have_count(1)
        page.reload()
    assert said == []
    expect(page.locator("img[src='x'], .katex, a[href*='evil']")).to_have_count(0)


@pytest.mark.parametrize(
    "given", ["'; drop table payops.staff; --", "%", "_", "\\", "*", "$x$ :red[x] <b>", "\u202e", "1 or 1=1"]
)
def test_a_search_term_is_only_text(console, recorded, given):
    """Each filter of the list goes this way; in the browser one of them is enough."""
    now = wall_clock()

    def found(**sought):
        span = audit.EntryFilter(now.replace(year=2020), now, **sought)
        return audit.entries(console.services.db, Actor("staff:x", Role.ADMIN), span).entries

    ours = {"actor": "mallory", "action": "test:thing:done", "subject": "thing:7"}
    assert found(**ours)
    for field in ours:
        assert found(**ours | {field: given}) == []


def test_an_exported_file_has_all_matches_and_no_formula(console, page, recorded):
    console.open(page, "finance", "/audit-log?actor=mallory")
    expect(shown(page)).to_be_visible()
    file = downloaded(page, page.get_by_role("button", name="CSV", exact=True))
    rows = list(csv.DictReader(io.StringIO(Path(file.path()).read_text("utf-8-sig"))))
    assert len(rows) == 130
    assert all(not cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())
    assert rows[0]["Reason"] == "'" + EVIL
    file = downloaded(page, page.get_by_role("button", name="XLSX", exact=True))
    sheet = zipfile.ZipFile(file.path()).read("xl/worksheets/sheet1.xml")
    expect(page.get_by_role("button", name="Download as CSV")).to_have_count(0)
    assert b"<f>" not in sheet and b"hyperlink" not in sheet
