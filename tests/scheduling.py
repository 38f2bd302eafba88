"""Which tests stay together on one worker, and which begin first."""

import pytest
from xdist.scheduler import LoadScopeScheduling

# Tests of a browser are half of all the work. In two parts, and each part on one worker, they need two consoles.
BROWSER = ("tests/browser/frame/", "tests/browser/")
# What these tests look at takes seconds to make, and one worker makes it once.
TOGETHER = (*BROWSER, "tests/finance/reconciling/")
# Begun near the end, each of these would keep one worker busy while the others have nothing left to do.
LONGEST_FIRST = (
    *BROWSER,
    "tests/test_serve.py",
    "tests/test_workers.py",
    "tests/sandbox/test_seed.py",
    "tests/events/test_histories.py",
    "tests/api/test_generated_clients.py",
    "tests/events/test_survival.py",
    "tests/payments/test_faults.py",
    "tests/payments/test_money.py",
    "tests/figures/test_subscription_model.py",
    "tests/figures/test_model.py",
    "tests/finance/reconciling/",
    "tests/monitoring/alerts/test_ordinary_year.py",
    "tests/db/",
)


class FilesTogether(LoadScopeScheduling):
    """Each worker gets whole files, those of `TOGETHER` by folder, in the order in which they were collected."""

    def _split_scope(self, nodeid: str) -> str:
        return next((folder for folder in TOGETHER if nodeid.startswith(folder)), nodeid.split("::")[0])


def longest_first(items: list[pytest.Item]) -> None:
    """Sorts whole files; the tests of each stay in their order."""

    def place(item: pytest.Item) -> int:
        return next((at for at, start in enumerate(LONGEST_FIRST) if item.nodeid.startswith(start)), len(LONGEST_FIRST))

    items.sort(key=place)
