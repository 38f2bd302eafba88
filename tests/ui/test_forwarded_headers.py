"""A proxy that is not trusted is named in the log."""

import pytest
from structlog.testing import capture_logs

from core.forwarded_headers import ForwardedHeaderWarning
from tests.loops import run_apart

TRUSTED = [("203.0.113.9", "203.0.113.9"), ("2001:db8::1", "198.51.100.1, [2001:DB8:0::1]:443")]
UNTRUSTED = [("10.0.0.7", "203.0.113.9"), ("10.0.0.7", "not an address"), ("10.0.0.7", "203.0.113.9:10")]


def warned(client, forwarded, times=1):
    """The addresses that requests from `client` with this header are warned of; every request gets through."""
    reached = []

    async def app(scope, receive, send):
        reached.append(scope)

    guard = ForwardedHeaderWarning(app)
    headers = [(b"x-forwarded-for", forwarded.encode())] if forwarded else []

    async def ask():
        for kind in ("http", "websocket") * times:
            await guard({"type": kind, "headers": headers, "client": (client, 1)}, None, None)

    with capture_logs() as lines:
        run_apart(ask())
    assert len(reached) == 2 * times
    assert all("FORWARDED_ALLOW_IPS" in line["event"] for line in lines)
    return [line["address"] for line in lines]


@pytest.mark.parametrize(("client", "forwarded"), [*TRUSTED, ("203.0.113.9", "")])
def test_a_trusted_proxy_or_no_proxy_causes_no_warning(client, forwarded):
    assert warned(client, forwarded) == []


@pytest.mark.parametrize(("client", "forwarded"), UNTRUSTED)
def test_an_untrusted_proxy_is_reported_once(client, forwarded):
    assert warned(client, forwarded, times=3) == [client]
