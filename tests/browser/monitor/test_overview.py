"""The overview as an operator sees it: its figures, how they follow the
events, and what stays while the database is away.
"""

import time
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import expect

from core.db import embedded
from core.events import inbox
from core.monitoring import metrics
from core.periods import Period, wall_clock
from tests.api.test_webhooks import Api
from tests.browser.conftest import downloaded
from tests.factories import body_of, charge, event, intent

# A currency that no other test's payments are in.
ADDRESS = "/overview?period=7d&currency=chf"


def told(number, *, declined=None):
    """A payment of yesterday and its one attempt, as Stripe tells of them."""
    created = int((wall_clock() - timedelta(days=1)).timestamp())
    fields = {"created": created, "currency": "chf"}
    error = {"last_payment_error": {"charge": f"ch_chf_{number}"}}
    failure = {"status": "failed", "captured": False, "failure_code": "card_declined", "outcome": {"reason": declined}}
    payment = intent(id=f"pi_chf_{number}", **fields, **(error if declined else {"status": "succeeded"}))
    attempt = charge(id=f"ch_chf_{number}", payment_intent=payment["id"], **fields | (failure if declined else {}))
    kind = "payment_failed" if declined else "succeeded"
    return [
        event(f"evt_chf_pi_{number}", f"payment_intent.{kind}", payment, at=created),
        event(f"evt_chf_ch_{number}", f"charge.{'failed' if declined else 'succeeded'}", attempt, at=created),
    ]


@pytest.fixture(scope="module")
def some_payments(console):
    """Eight payments that succeeded and two that did not."""
    events = [each for n in range(8) for each in told(n)]
    events += [each for n in (8, 9) for each in told(n, declined="insufficient_funds")]
    batch = [inbox.prepare(each, body_of(each), livemode=False) for each in events]
    assert set(inbox.receive(console.services.db, batch, now=wall_clock())) <= {"applied", "duplicate"}


@pytest.fixture
def api(console):
    process = Api(Path(console.services.settings.data_dir))
    process.start()
    yield process
    process.kill()


@pytest.fixture
def overview(some_payments, console, page):
    console.open(page, "ops", ADDRESS)
    expect(card(page, "payment_success_rate")).to_contain_text("of 1", timeout=20_000)
    return page


def card(page, name):
    return page.locator(f".st-key-card-{name}")


def rate_of(console):
    running = console.services
    period = Period.last_days(7, now=wall_clock(), zone=running.settings.business_zone)
    found = metrics.overview(running.db, period, currency="chf", now=wall_clock())
    return found["metrics"]["payment_success_rate"]


def test_the_overview_opens_with_its_sentence_and_the_figures_of_the_command(overview, console):
    rate = rate_of(console)
    counts = f"{rate['numerator']} of {rate['denominator']} payments"
    expect(overview.get_by_role("heading", name=f"{counts} succeeded, between")).to_be_visible()
    expect(overview.get_by_role("heading", name="insufficient funds")).to_be_visible()
    expect(card(overview, "payment_success_rate")).to_contain_text(f"{rate['value'] * 100:.1f}")
    expect(card(overview, "payment_success_rate")).to_contain_text(counts)
    expect(card(overview, "failed_payments")).to_contain_text("CHF 98.00")


def test_a_signed_event_changes_the_figures_within_five_seconds_without_a_reload(overview, console, api):
    overview.evaluate("window.neverReloaded = true")
    before = rate_of(console)
    number = 100 + before["denominator"]
    for each in told(number):
        assert api.post(body_of(each)).status_code == 200
    told_at = time.monotonic()
    expect(card(overview, "payment_success_rate")).to_contain_text(
        f"{before['numerator'] + 1} of {before['denominator'] + 1} payments", timeout=5000
    )
    assert time.monotonic() - told_at < 5
    assert overview.evaluate("window.neverReloaded")


def test_a_definition_and_a_table_stay_open_while_the_figures_move(overview, console, api):
    overview.get_by_role("button", name="Definition").first.click()
    meaning = overview.get_by_text("divided by payments with at least one attempt")
    expect(meaning).to_be_visible()
    denominator = rate_of(console)["denominator"]
    for each in told(200 + denominator):
        api.post(body_of(each))
    expect(card(overview, "payment_success_rate")).to_contain_text(f"of {denominator + 1} payments")
    expect(meaning).to_be_visible()
    overview.keyboard.press("Escape")
    overview.locator(".st-key-chart-failures").get_by_role("button", name="Table").click()
    download = overview.get_by_role("button", name="CSV")
    expect(download).to_be_visible()
    lines = Path(downloaded(overview, download).path()).read_text("utf-8-sig").splitlines()
    assert lines[0] == "Cause,Failed,Failed before,Amount (CHF)"
    assert '"Insufficient funds, or a card limit reached",2,0,98.00' in lines


def test_the_last_figures_stay_and_are_marked_as_stale_during_an_outage(overview, console):
    rate = rate_of(console)
    counts = f"{rate['numerator']} of {rate['denominator']} payments"
    server = embedded.ensure_running(Path(console.services.settings.data_dir))
    warning = overview.get_by_text("The database does not answer.")
    with psycopg.connect(server.owner_conninfo, autocommit=True) as owner:
        owner.execute("alter role payops_app nologin")
        try:
            owner.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'payops_app'")
            expect(warning).to_be_visible(timeout=20_000)
            expect(card(overview, "payment_success_rate")).to_contain_text(counts)
        finally:
            owner.execute("alter role payops_app login")
    expect(warning).to_have_count(0, timeout=30_000)


@pytest.mark.own_tab
def test_the_overview_requests_no_other_host_and_nothing_fails(some_payments, console, page):
    said = []
    page.on("console", lambda message: message.type == "error" and said.append(message))
    page.on("pageerror", lambda error: said.append(error))
    page.on("request", lambda request: asks_elsewhere(console, request) and said.append(request.url))
    console.open(page, "finance", ADDRESS)
    expect(page.locator(".st-key-chart-disputes .js-plotly-plot")).to_be_visible(timeout=20_000)
    page.wait_for_timeout(2500)  # one refresh
    assert said == []


# The contrast of an element's text with the background behind it, as WCAG 2 computes it.
CONTRAST = """element => {
  const rgba = value => {
    const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true})
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = value; canvas.fillRect(0, 0, 1, 1)
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data
    return [r, g, b, a / 255]
  }
  let behind = null, opacity = 1
  for (let at = element; at && !behind; at = at.parentElement) {
    opacity *= Number(getComputedStyle(at).opacity)
    const found = rgba(getComputedStyle(at).backgroundColor)
    if (found[3] > 0.99) behind = found
  }
  const [r, g, b, a] = rgba(getComputedStyle(element).color)
  const seen = [r, g, b].map((part, at) => part * a * opacity + behind[at] * (1 - a * opacity))
  const light = colour => {
    const [x, y, z] = colour.slice(0, 3).map(c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    return 0.2126 * x + 0.7152 * y + 0.0722 * z
  }
  const [high, low] = [light(seen), light(behind)].sort((x, y) => y - x)
  return (high + 0.05) / (low + 0.05)
}"""


@pytest.mark.own_tab
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (420, "dark")])
def test_the_overview_fits_its_screen(some_payments, console, page, width, scheme):
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    console.give_cookie(page.context, "ops")
    page.goto(console.base + ADDRESS)  # on a narrow screen the sidebar that says who is signed in is closed
    page.get_by_text("All figures", exact=True).click()
    expect(page.locator(".st-key-chart-disputes .js-plotly-plot")).to_be_visible()
    overflow = page.evaluate(
        "() => { const main = document.querySelector('[data-testid=stMain]'); return "
        "main.scrollWidth - main.clientWidth }"
    )
    assert overflow <= 0
    captions = page.get_by_test_id("stCaptionContainer").all()
    assert len(captions) > 3
    assert min(caption.evaluate(CONTRAST) for caption in captions) >= 4.5


def asks_elsewhere(console, request):
    return not request.url.startswith((console.base, "data:", "blob:"))


def test_the_overview_shows_the_last_comparison_and_its_accuracy(overview, console):
    db, now = console.services.db, wall_clock()
    begun = db.call("begin_comparison", now=now, until=now, days=31, older_days=30)
    db.call("finish_comparison", id=begun["id"], now=now)
    expect(overview.get_by_text("Compared with Stripe on")).to_be_visible(timeout=30_000)
