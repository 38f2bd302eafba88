"""A story that begins with an empty mirror."""

import pytest

from tests.billing.story import Story


@pytest.fixture
def story(database, owner):
    return Story(database)
