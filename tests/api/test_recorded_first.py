"""Under high load an event is acknowledged once recorded; then applied once, whichever process is killed."""

import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from core.db import embedded
from tests.api.test_webhooks import Api
from tests.factories import body_of, charge, event

EVENTS = 400


@pytest.fixture
def apis(prepared):
    with tempfile.TemporaryDirectory(prefix="payops-test-") as folder:
        prepared.copy_into(Path(folder))
        made = [Api(Path(folder), app="tests.api.crowded_app:app") for _ in range(2)]
        for api in made:
            api.start()
        yield made
        for api in made:
            api.kill()
        embedded.remove(Path(folder))


def test_killed_between_recording_and_applying_another_process_applies_and_nothing_twice(apis):
    told = [event(f"evt_{n}", "charge.succeeded", charge(id=f"ch_{n}", amount=n)) for n in range(EVENTS)]
    first, second = apis

    def deliver(number: int) -> list[str]:
        body, heard = body_of(told[number]), []
        for attempt in range(400):
            try:
                answer = apis[(number + attempt) % 2].post(body)
                if answer.status_code == 200:
                    heard.append(answer.json()["outcome"])
                    if len(heard) > number % 5 // 4:  # every fifth comes twice
                        return heard
            except httpx.HTTPError:
                time.sleep(0.05)
        raise AssertionError("never delivered")

    with ThreadPoolExecutor(16) as senders:
        delivered = [senders.submit(deliver, number) for number in range(EVENTS)]
        for killed in (100, 200):
            while sum(each.done() for each in delivered) < killed:
                time.sleep(0.005)
            first.kill()
            if killed == 100:  # the second time it stays away: what it had recorded is applied by the other
                first.start()
        heard = [each.result() for each in delivered]
    assert {outcome for each in heard for outcome in each} == {"recorded", "duplicate"}
    handled = "select count(*), count(distinct event_id) from payops.event_handlings where outcome = 'applied'"
    deadline = time.monotonic() + 5
    while second.rows(handled) != [(EVENTS, EVENTS)]:
        assert time.monotonic() < deadline, second.rows(handled)
        time.sleep(0.05)
    amounts = second.rows("select amount_minor from payops.charges order by amount_minor")
    assert [amount for (amount,) in amounts] == list(range(EVENTS))
    assert second.rows("select count(*) from payops.recorded_batches") == [(0,)]
