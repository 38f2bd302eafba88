"""Ways in which a database refuses calls: how to cause each, how to undo it, and the error's code."""

import pytest

DATABASE_REFUSES = pytest.mark.parametrize(
    ("breaks", "mends", "code"),
    [
        (
            "revoke usage on schema payops_api from payops_app",
            "grant usage on schema payops_api to payops_app",
            "database_right_missing",
        ),
        (
            "alter schema payops_api rename to not_deployed",
            "alter schema not_deployed rename to payops_api",
            "database_not_migrated",
        ),
    ],
    ids=["rights revoked", "functions not deployed"],
)
