"""The addresses to which a customer may be sent after paying: those of the allowed origins."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from core.errors import Refused

LOOPBACK = frozenset({"localhost", "127.0.0.1"})


def require_allowed(address: str, origins: Sequence[str], *, path: str) -> None:
    """Raise `Refused` with the field unless the address is on one of `origins`.

    A loopback origin without a port allows every port of it.
    """
    if not any(_same(address, origin) for origin in origins):
        raise Refused(
            "address_not_allowed",
            "The address must be on one of the origins in CHECKOUT_RETURN_ORIGINS.",
            facts={"path": path},
        )


def _same(address: str, origin: str) -> bool:
    if "\\" in address:  # browsers read it as a slash, parsers do not
        return False
    try:
        given, allowed = urlsplit(address), urlsplit(origin)
        ports = given.port, allowed.port
    except ValueError:
        return False
    if given.username is not None or given.password is not None or given.scheme != allowed.scheme:
        return False
    any_port = allowed.hostname in LOOPBACK and ports[1] is None
    return given.hostname == allowed.hostname and (
        any_port or _port(given.scheme, ports[0]) == _port(allowed.scheme, ports[1])
    )


def _port(scheme: str, port: int | None) -> int | None:
    return port if port is not None else {"http": 80, "https": 443}.get(scheme)
