"""A TCP proxy that can freeze: connections stay open and are accepted, but nothing passes until it thaws."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo


@dataclass
class FreezingProxy:
    conninfo: str
    flows: threading.Event = field(default_factory=threading.Event)

    def freeze(self) -> None:
        self.flows.clear()

    def thaw(self) -> None:
        self.flows.set()


@contextmanager
def proxied(conninfo: str) -> Iterator[FreezingProxy]:
    """A proxy in front of this Postgres, and the address to reach it by."""
    with psycopg.connect(conninfo) as probe:
        host, port = probe.info.host, probe.info.port
    listener = socket.create_server(("127.0.0.1", 0))
    given = {name: value for name, value in conninfo_to_dict(conninfo).items() if name not in ("host", "port")}
    own = make_conninfo("", **given, host="127.0.0.1", port=listener.getsockname()[1])
    proxy = FreezingProxy(own)
    proxy.thaw()

    def accept() -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = _connected(host, port)
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=_forward, args=(one, other, proxy.flows), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield proxy
    proxy.thaw()
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def _connected(host: str, port: int) -> socket.socket:
    if not host.startswith("/"):
        return socket.create_connection((host, port))
    far = socket.socket(socket.AF_UNIX)
    far.connect(f"{host}/.s.PGSQL.{port}")
    return far


def _forward(one: socket.socket, other: socket.socket, flows: threading.Event) -> None:
    with suppress(OSError):
        while piece := one.recv(65_536):
            flows.wait()
            other.sendall(piece)
    for end in (one, other):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
