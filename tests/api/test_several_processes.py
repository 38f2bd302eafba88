"""Two API processes over one database, given the same events at the same time, in different orders."""

import random
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from core.db import embedded
from tests.api.test_webhooks import Api
from tests.factories import START, body_of, charge, event

EVENTS, OBJECTS = 240, 12


def test_each_event_is_applied_by_one_of_them_and_none_is_refused_for_the_other():
    """Many events of few objects, so that the two wait for the same rows all the time."""
    bodies = [
        body_of(
            event(
                f"evt_{n}",
                "charge.updated",
                charge(id=f"ch_{n % OBJECTS}", amount_refunded=n),
                at=START + n // OBJECTS,
            )
        )
        for n in range(EVENTS)
    ]
    with tempfile.TemporaryDirectory(prefix="payops-test-") as folder:
        apis = [Api(Path(folder)) for _ in range(2)]
        try:
            for api in apis:
                api.start()

            def deliver(api: Api, order: int) -> list[tuple[int, str]]:
                shuffled = random.Random(order).sample(bodies, len(bodies))
                with ThreadPoolExecutor(12) as senders:
                    answers = list(senders.map(api.post, shuffled))
                return [(answer.status_code, answer.json().get("outcome")) for answer in answers]

            with ThreadPoolExecutor(2) as both:
                answered = [both.submit(deliver, api, order) for order, api in enumerate(apis)]
                outcomes = Counter(outcome for each in answered for outcome in each.result())
            assert outcomes == {(200, "applied"): EVENTS, (200, "duplicate"): EVENTS}
            newest = apis[0].rows("select id, amount_refunded_minor from payops.charges order by id")
            assert dict(newest) == {f"ch_{n % OBJECTS}": n for n in range(EVENTS - OBJECTS, EVENTS)}
        finally:
            for api in apis:
                if hasattr(api, "process"):
                    api.kill()
            embedded.remove(Path(folder))
