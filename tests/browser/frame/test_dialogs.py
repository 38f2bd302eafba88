"""A dialog's button clicked twice over a slow connection, where the dialog is still shown after its action is done."""

import time
from contextlib import contextmanager

import pytest
from playwright.sync_api import expect
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

pytestmark = pytest.mark.own_tab  # its socket is listened to
BEGUN, OVER = "new_session", "script_finished"  # as Streamlit calls them


class FarAway:
    """What the console says to a page: heard here at once, and by the page when `caught_up`."""

    def __init__(self, page):
        self._page, self._behind, self._heard, self._kept = page, False, [], []
        page.route_web_socket("**/_stcore/stream", self._stand_between)

    def fall_behind(self):
        self._behind = True

    def catch_up(self):
        self._behind = False
        while self._kept:
            socket, message = self._kept.pop(0)
            socket.send(message)

    @contextmanager
    def until(self, what, *, of):
        """Click in here: it goes on once the console says that a run began or is over, of the page or of the dialog."""
        self._heard.clear()
        yield
        deadline = time.monotonic() + 30
        while not any(
            each.HasField(what) and bool(each.metadata.run.fragment_ids) is (of == "dialog") for each in self._heard
        ):
            assert time.monotonic() < deadline, f"no {what} of the {of} in 30 seconds"
            self._page.wait_for_timeout(20)

    def _stand_between(self, socket):
        server = socket.connect_to_server()
        socket.on_message(server.send)
        server.on_message(lambda message: self._hear(socket, message))

    def _hear(self, socket, message):
        self._heard.append(ForwardMsg.FromString(message))
        if self._behind:
            self._kept.append((socket, message))
        else:
            socket.send(message)


@pytest.fixture
def far_away(page):
    return FarAway(page)


def ask(page, far_away):
    """The button of the dialog, with all of the page behind it."""
    with far_away.until(OVER, of="page"):
        page.get_by_role("button", name="Ask").click()
    return page.get_by_role("dialog").get_by_role("button", name="Act now")


def test_a_second_click_while_the_dialog_closes_leaves_nothing_to_the_next_one(console, page, far_away):
    console.open(page, "admin", "/slow-dialog")
    act = ask(page, far_away)
    far_away.fall_behind()
    with far_away.until(BEGUN, of="page"):
        act.click()
    with far_away.until(OVER, of="page"):
        act.click()
    page.wait_for_timeout(1_000)  # what the second click brings
    far_away.catch_up()
    expect(page.get_by_text("Done 1 times")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    next_one = ask(page, far_away)
    expect(page.get_by_text("Done")).to_have_count(0)
    expect(next_one).to_be_visible()


def test_a_second_click_after_the_dialog_closed_does_nothing_to_a_page_that_ends_early(console, page, far_away):
    console.open(page, "admin", "/slow-dialog?ends=early")
    act = ask(page, far_away)
    far_away.fall_behind()
    with far_away.until(OVER, of="page"):
        act.click()
    act.click()
    page.wait_for_timeout(1_000)
    far_away.catch_up()
    expect(page.get_by_text("Done 1 times")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(ask(page, far_away)).to_be_visible()


def test_a_button_beside_an_invalid_field_does_nothing_until_the_field_is_valid(console, page, far_away):
    console.sign_in(page, "admin", "/slow-dialog")
    send_beside_an_invalid_field(page, far_away)
    act = ask(page, far_away)
    number = page.get_by_role("dialog").get_by_role("spinbutton", name="How many")
    number.fill("99")
    act.click(force=True)  # in the moment in which the field still has what was typed
    expect(act).to_be_disabled()
    act.press("Enter")
    number.fill("4")
    number.press("Tab")
    expect(act).to_be_enabled()
    day = page.get_by_role("dialog").get_by_test_id("stDateInput").get_by_role("spinbutton")
    day.last.press_sequentially("20")
    day.last.press("Tab")
    expect(act).to_be_disabled()
    act.press(" ")
    day.last.press_sequentially("05")
    page.get_by_role("dialog").get_by_role("heading", name="Act").click()  # the calendar lies over the button
    expect(act).to_be_enabled()
    act.click()
    expect(page.get_by_text("Done 1 times with 4.")).to_be_visible()


def send_beside_an_invalid_field(page, far_away):
    """Enter in another field of the form goes to the invalid one; it sends the form once that is valid."""
    count, note = page.get_by_role("spinbutton", name="Count"), page.get_by_role("textbox", name="Note")
    count.fill("99")
    note.fill("x")
    note.press("Enter")
    expect(count).to_be_focused()
    count.fill("4")
    with far_away.until(OVER, of="page"):
        note.press("Enter")
    expect(page.get_by_text("The form was sent")).to_be_visible()
