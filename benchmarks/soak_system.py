"""The system that `benchmarks.soak` runs: real processes over pgbouncer, and what may be done to them."""

import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from core import services
from core.db import embedded, embedded_programs
from core.db.deploy import deploy
from core.sandbox import process as sandbox
from core.sandbox.secrets import sandbox_secrets
from core.settings import Settings, load_settings

API_TOKEN = "token-of-the-soak-run"
POOL_SIZE = 20


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


@dataclass
class Part:
    """One process that is started again within a second of its end, as systemd would."""

    name: str
    command: list[str]
    environment: dict[str, str]
    log: Path
    umask: int = 0o077
    process: subprocess.Popen[bytes] | None = None
    first_rss: int = 0
    last_rss: int = 0

    def start(self) -> None:
        with self.log.open("ab") as lines:
            self.process = subprocess.Popen(self.command, env=self.environment, stdout=lines, stderr=lines)
        self.first_rss = 0

    def watch(self, age_seconds: float) -> None:
        """Restart it where it ended; note its memory, the first time once it has warmed up."""
        assert self.process is not None
        if self.process.poll() is not None:
            self.start()
            return
        try:
            running = psutil.Process(self.process.pid)
            if time.time() - running.create_time() > age_seconds:
                self.last_rss = running.memory_info().rss
                self.first_rss = self.first_rss or self.last_rss
        except psutil.Error:
            return


@dataclass
class System:
    """Embedded Postgres, pgbouncer in transaction mode, the sandbox, two API processes, a worker and a console."""

    data_dir: Path
    dice: random.Random
    ports: dict[str, int] = field(
        default_factory=lambda: {n: free_port() for n in ("api 0", "api 1", "console", "pool")}
    )
    parts: dict[str, Part] = field(default_factory=dict)

    def open(self) -> None:
        """Start everything; the app reaches Postgres through pgbouncer alone."""
        server = embedded.ensure_running(self.data_dir)
        deploy(server.owner_conninfo)
        embedded.allow_app_login(server)
        self._start_pgbouncer(server)
        sandbox.ensure_running(self.data_dir)
        for name in ("api 0", "api 1"):
            self._add(
                name,
                "uvicorn",
                "core.api.app:app",
                "--port",
                str(self.ports[name]),
                "--no-access-log",
                "--http",
                "core.http_protocol:BoundedHttp",
            )
        self._add("worker", "core.worker_process")
        self._add("console", "uvicorn", "streamlit_app:app", "--port", str(self.ports["console"]), "--no-access-log")

    @property
    def environment(self) -> dict[str, str]:
        return {
            "DATA_DIR": str(self.data_dir),
            "DATABASE_URL": f"postgresql://payops_app@127.0.0.1:{self.ports['pool']}/payops",
            "PAYMENT_MODE": "sandbox",
            "API_TOKENS": API_TOKEN,
            "RATE_LIMIT_PER_MINUTE": "100000",
            "PATH": os.environ["PATH"],
        }

    def services(self) -> services.Services:
        return services.start(self.settings())

    def settings(self) -> Settings:
        return load_settings(self.environment, env_file=None)

    def _add(self, name: str, *module: str) -> None:
        log = self.data_dir / f"{name.replace(' ', '-')}.log"
        self.parts[name] = Part(name, [sys.executable, "-m", *module], self.environment, log)
        self.parts[name].start()

    def _start_pgbouncer(self, server: embedded.EmbeddedServer) -> None:
        program = shutil.which("pgbouncer")
        assert program, "the soak needs pgbouncer: apt-get install pgbouncer"
        folder = server.socket_dir
        configuration, users = folder / "pgbouncer.ini", folder / "users.txt"
        users.write_text('"payops_app" ""\n')
        configuration.write_text(
            f"[databases]\npayops = host={server.socket_dir} dbname=payops user=payops_app\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {self.ports['pool']}\nauth_type = trust\n"
            f"auth_file = {users}\npool_mode = transaction\ndefault_pool_size = {POOL_SIZE}\nmax_client_conn = 500\n"
            f"unix_socket_dir =\nlogfile =\npidfile =\nserver_login_retry = 1\n"
        )
        for path in (configuration, users):
            path.chmod(0o644)
        as_root = os.geteuid() == 0
        self.parts["pool"] = Part(
            "pool", [program, str(configuration)], {"PATH": os.defpath}, self.data_dir / "pool.log"
        )
        if as_root:
            user = pwd.getpwnam(embedded_programs.SYSTEM_USER)
            self.parts["pool"].command = [
                "setpriv",
                f"--reuid={user.pw_uid}",
                f"--regid={user.pw_gid}",
                "--clear-groups",
                *self.parts["pool"].command,
            ]
        self.parts["pool"].start()

    def watch(self, age_seconds: float) -> None:
        """One round of supervision: everything that ended is started again."""
        for part in self.parts.values():
            part.watch(age_seconds)
        if not embedded.is_running(self.data_dir):
            embedded.ensure_running(self.data_dir)
        if not sandbox.is_running(self.data_dir):
            sandbox.ensure_running(self.data_dir)

    def misfortunes(self) -> dict[str, Callable[[], None]]:
        """What is done to the system, by name; each leaves it to recover by itself."""
        killed = {f"kill {name}": lambda name=name: self._kill(name) for name in self.parts}
        return killed | {
            "kill sandbox": self._kill_sandbox,
            "kill Postgres": self._kill_postgres,
            "restart Postgres": self._restart_postgres,
            "freeze pgbouncer": lambda: self._freeze("pool", 8),
            "freeze an API": lambda: self._freeze("api 0", 5),
            # A 500 is kept under the request's key, as Stripe keeps it, so only reads get one here.
            "Stripe answers 500": lambda: self._fault("/v1/balance_transactions", {"status": 500, "count": 20}),
            "Stripe is too busy": lambda: self._fault("/v1/refunds", {"status": 429, "count": 10}),
            "Stripe hangs up": lambda: self._fault("/v1/refunds", {"reset": True, "count": 10}),
            "Stripe's answers are lost": lambda: self._fault("/v1/refunds", {"lose_reply": True, "count": 10}),
            "Stripe answers late": lambda: self._fault("/v1/refunds", {"delay_seconds": 3, "count": 10}),
            "the database refuses": self._revoke,
        }

    def _kill(self, name: str) -> None:
        process = self.parts[name].process
        assert process is not None
        process.kill()

    def _kill_sandbox(self) -> None:
        noted = sandbox.noted_address(self.data_dir)
        assert noted is not None
        os.kill(int(noted["pid"]), signal.SIGKILL)

    def _kill_postgres(self) -> None:
        server = embedded.ensure_running(self.data_dir)
        os.kill(int((server.pgdata / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)

    def _restart_postgres(self) -> None:
        embedded.stop(self.data_dir)
        time.sleep(3)
        embedded.ensure_running(self.data_dir)

    def _freeze(self, name: str, seconds: float) -> None:
        process = self.parts[name].process
        assert process is not None
        process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        process.send_signal(signal.SIGCONT)

    def _fault(self, path: str, fault: dict[str, object]) -> None:
        base = sandbox.ensure_running(self.data_dir).base_url
        httpx.post(f"{base}/sandbox/faults", json={"path": path, **fault}, timeout=10)

    def _revoke(self) -> None:
        import psycopg

        with psycopg.connect(embedded.ensure_running(self.data_dir).owner_conninfo, autocommit=True) as owner:
            owner.execute("revoke usage on schema payops_api from payops_app")
            time.sleep(6)
            owner.execute("grant usage on schema payops_api to payops_app")

    @property
    def webhook_secret(self) -> str:
        return sandbox_secrets(self.data_dir).webhook_secret

    @property
    def intake_secret(self) -> str:
        return sandbox_secrets(self.data_dir).intake_webhook_secret

    def close(self) -> None:
        for part in self.parts.values():
            if part.process is not None:
                part.process.send_signal(signal.SIGCONT)
                part.process.kill()
                part.process.wait()
        sandbox.stop(self.data_dir)
        embedded.remove(self.data_dir)
