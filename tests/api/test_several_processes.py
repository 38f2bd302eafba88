"""Two API processes over one database, given the same events at the same time, in different orders."""

import random
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from core.db import embedded
from tests.api.test_webhooks import Api
from tests.factories import START, body_of, charge, event

EVENTS, OBJECTS, AT_ONCE = 480, 12, 24


def test_each_event_is_applied_by_one_process_and_none_is_refused(prepared):
    """Many events of few objects, so that the two wait for the same rows all the time."""
    bodies = [
        body_of(
            event(
                f"evt_{n}", "charge.updated", charge(id=f"ch_{n % OBJECTS}", amount_refunded=n), at=START + n // OBJECTS
            )
        )
        for n in range(EVENTS)
    ]
    with tempfile.TemporaryDirectory(prefix="payops-test-") as folder:
        prepared.copy_into(Path(folder))
        apis = [Api(Path(folder)) for _ in range(2)]
        try:
            for api in apis:
                api.start()

            together = threading.Barrier(2, timeout=60)

            def deliver(api: Api, order: int) -> list[tuple[int, str]]:
                dice = random.Random(order)
                answers = []
                with ThreadPoolExecutor(AT_ONCE) as senders:
                    for start in range(0, EVENTS, AT_ONCE):
                        together.wait()
                        some = bodies[start : start + AT_ONCE]
                        answers += senders.map(api.post, dice.sample(some, len(some)))
                return [(answer.status_code, answer.json().get("outcome")) for answer in answers]

            with ThreadPoolExecutor(2) as both:
                answered = [both.submit(deliver, api, order) for order, api in enumerate(apis)]
                outcomes = Counter(outcome for each in answered for outcome in each.result())
            outcomes[200, "applied"] += outcomes.pop((200, "recorded"), 0)  # of a crowd
            assert outcomes == {(200, "applied"): EVENTS, (200, "duplicate"): EVENTS}
            deadline = time.monotonic() + 5
            while apis[0].rows("select count(*) from payops.recorded_batches") != [(0,)]:
                assert time.monotonic() < deadline
                time.sleep(0.05)
            newest = apis[0].rows("select id, amount_refunded_minor from payops.charges order by id")
            assert dict(newest) == {f"ch_{n % OBJECTS}": n for n in range(EVENTS - OBJECTS, EVENTS)}
        finally:
            for api in apis:
                if hasattr(api, "process"):
                    api.kill()
            embedded.remove(Path(folder))
