"""`python -m core.sandbox --data-dir D [--port N] [--no-traffic]`: the server in this process."""

import argparse
import fcntl
import os
import socket
import sys
from pathlib import Path
from urllib.parse import urlsplit

from core.sandbox.process import noted_address


def serve(data_dir: Path, port: int | None, *, traffic: bool) -> int:
    """Serve until stopped; returns 1 if another process already serves this folder."""
    import uvicorn

    from core.sandbox.http.app import build_app
    from core.sandbox.http.connections import CuttableProtocol

    (data_dir / "sandbox").mkdir(parents=True, exist_ok=True)
    handle = os.open(data_dir / "sandbox" / "server.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print(f"Another sandbox already serves {data_dir}.", file=sys.stderr)
        return 1
    with bound(data_dir, port) as listener:
        base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        app = build_app(data_dir, base_url, traffic=traffic)
        config = uvicorn.Config(
            app,
            http=CuttableProtocol,
            loop="uvloop" if sys.platform != "win32" else "asyncio",
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=2,
            timeout_keep_alive=75,
        )
        uvicorn.Server(config).run(sockets=[listener])
    return 0


def bound(data_dir: Path, port: int | None) -> socket.socket:
    """The requested port, or the last one used so that links stay valid, or any free one."""
    noted = noted_address(data_dir)
    last = urlsplit(noted["base_url"]).port if noted else None
    for candidate in (port,) if port else (last, 0):
        if candidate is None:
            continue
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", candidate))
        except OSError:
            listener.close()
            continue
        return listener
    raise SystemExit(f"Port {port} is already in use.")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m core.sandbox", description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--port", type=int)
    parser.add_argument("--no-traffic", action="store_true")
    asked = parser.parse_args()
    return serve(asked.data_dir, asked.port, traffic=not asked.no_traffic)


if __name__ == "__main__":
    sys.exit(main())
