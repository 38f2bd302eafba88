"""The embedded Postgres: one server for each data folder, shared by all processes and not ended with them."""

import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import psutil

from core.db.embedded_programs import SYSTEM_ROOT, locked, make_folder, owned_folder, run
from core.errors import Unavailable

APP_LOGIN_LOCK = 7_209_116  # see functions/advisory_locks.sql
START_TIMEOUT_SECONDS = 30
SOCKET_LINE = 4  # index of the line in postmaster.pid
SERVER_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "jit": "off",
    "random_page_cost": "1.1",  # for SSDs; the default of 4 assumes that random reads on disk are slow
    "log_min_messages": "warning",
    "timezone": "UTC",
    "unix_socket_permissions": "0700",
}


@dataclass(frozen=True)
class EmbeddedServer:
    """A running server: its data folder, its socket folder, and how to reach it as owner and as the app."""

    pgdata: Path
    socket_dir: Path

    def conninfo(self, user: str, database: str = "payops") -> str:
        return f"host={self.socket_dir} user={user} dbname={database}"

    @property
    def owner_conninfo(self) -> str:
        return self.conninfo("postgres")

    @property
    def app_conninfo(self) -> str:
        return self.conninfo("payops_app")


def make_data_dir(data_dir: Path) -> None:
    """Make the folder for this user only. As root, within the system folder, Postgres's user may also traverse it."""
    passing_through = os.geteuid() == 0 and data_dir.resolve().is_relative_to(SYSTEM_ROOT)
    make_folder(data_dir, 0o711 if passing_through else 0o700)


def is_running(data_dir: Path) -> bool:
    """Whether the server of `data_dir` has a running process; a zombie does not count."""
    pid = _postmaster_pid(_place(data_dir) / "postgres")
    return pid is not None and _runs(pid)


def ensure_running(data_dir: Path) -> EmbeddedServer:
    """Find the running server of `data_dir` or start it; raises `Unavailable` with the last lines of its log."""
    place = _place(data_dir)
    with locked(place / "postgres.lock"):
        server = EmbeddedServer(place / "postgres", _socket_dir(place))
        if _answers(server):
            return server
        owned_folder(server.socket_dir)
        if not (server.pgdata / "PG_VERSION").exists():
            _initialise(server.pgdata)
        _forget_dead_server(server)
        _start(server)
        return server


def allow_app_login(server: EmbeddedServer) -> None:
    """Allow sign-in as `payops_app`. On other servers the app has its own login, which is a member of that role.

    Several processes may call this at once.
    """
    allow = f"do $$ begin perform pg_advisory_xact_lock({APP_LOGIN_LOCK}); alter role payops_app login; end $$"
    run("psql", "-h", str(server.socket_dir), "-U", "postgres", "-d", "payops", "-qc", allow)


def stop(data_dir: Path) -> None:
    """Stop the server of `data_dir` if it runs; clients are disconnected, nothing committed is lost."""
    _stop(_place(data_dir), "fast")


def remove(data_dir: Path) -> None:
    """Stop the server of `data_dir` and delete its files, wherever they are kept."""
    place = _place(data_dir)
    _stop(place, "immediate")  # unwritten data need not be saved, since all files are deleted
    shutil.rmtree(_socket_dir(place), ignore_errors=True)
    shutil.rmtree(place / "postgres", ignore_errors=True)
    if place != data_dir.resolve():
        shutil.rmtree(place, ignore_errors=True)


def _place(data_dir: Path) -> Path:
    """The folder for the server's files: `data_dir`, or as root a folder that Postgres's user can enter."""
    data_dir = data_dir.resolve()
    if os.geteuid() != 0 or data_dir.is_relative_to(SYSTEM_ROOT):
        make_data_dir(data_dir)
        return data_dir
    place = SYSTEM_ROOT / f"for-{hashlib.sha256(str(data_dir).encode()).hexdigest()[:12]}"
    make_folder(place, 0o711)
    return place


def _socket_dir(place: Path) -> Path:
    """The folder of the socket: in the temporary folder, because a socket's path may have at most 107 bytes.

    If a server runs, the folder that it uses: the process that started it may have had another temporary folder.
    """
    running = _postmaster_lines(place / "postgres")
    if len(running) > SOCKET_LINE and running[SOCKET_LINE] and _runs(int(running[0])):
        return Path(running[SOCKET_LINE])
    digest = hashlib.sha256(f"{os.geteuid()}:{place}".encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"payops-{digest}"


def _initialise(pgdata: Path) -> None:
    building = pgdata.with_name("postgres.new")
    shutil.rmtree(building, ignore_errors=True)
    owned_folder(building)
    run(
        "initdb",
        "--auth=trust",
        "--encoding=utf8",
        "--locale=C.UTF-8",
        "--no-sync",
        "-U",
        "postgres",
        "-D",
        str(building),
    )
    with (building / "postgresql.conf").open("a") as configuration:
        configuration.writelines(f"{name} = '{value}'\n" for name, value in SERVER_SETTINGS.items())
    building.rename(pgdata)


def _start(server: EmbeddedServer) -> None:
    log = server.pgdata / "server.log"
    options = f"-k {server.socket_dir}"
    started = run(
        "pg_ctl",
        "-D",
        str(server.pgdata),
        "-l",
        str(log),
        "-o",
        options,
        "-w",
        "-t",
        str(START_TIMEOUT_SECONDS),
        "start",
        check=False,
    )
    if started.returncode != 0 and not _answers(server):
        tail = log.read_text(errors="replace").splitlines()[-3:] if log.exists() else [started.stderr[-300:]]
        raise Unavailable("database_unavailable", "The embedded Postgres did not start: " + " / ".join(tail))
    created = run(
        "psql",
        "-h",
        str(server.socket_dir),
        "-U",
        "postgres",
        "-Atc",
        "select 1 from pg_database where datname = 'payops'",
    )
    if not created.stdout.strip():
        run("createdb", "-h", str(server.socket_dir), "-U", "postgres", "payops")


def _stop(place: Path, mode: str) -> None:
    pgdata = place / "postgres"
    with locked(place / "postgres.lock"):
        if (pgdata / "postmaster.pid").exists():
            run("pg_ctl", "-D", str(pgdata), "-m", mode, "-w", "-t", "20", "stop", check=False)


def _postmaster_pid(pgdata: Path) -> int | None:
    lines = _postmaster_lines(pgdata)
    return int(lines[0]) if lines else None


def _postmaster_lines(pgdata: Path) -> list[str]:
    """The lines of postmaster.pid, the process ID first; empty if no server runs, which would write it."""
    try:
        lines = (pgdata / "postmaster.pid").read_text().splitlines()
    except OSError:
        return []
    return lines if lines and lines[0].isdecimal() else []


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _forget_dead_server(server: EmbeddedServer) -> None:
    """Remove the lock files of a killed server whose process is a zombie, since Postgres would not start beside them.

    They stay while processes of its sessions are left, which share its memory and may still write.
    """
    pid = _postmaster_pid(server.pgdata)
    if pid is None or _runs(pid) or not psutil.pid_exists(pid):
        return
    sessions = [process for process in psutil.process_iter() if _works_in(process, server.pgdata)]
    _, alive = psutil.wait_procs(sessions, timeout=5)
    if not alive:
        (server.pgdata / "postmaster.pid").unlink(missing_ok=True)
        (server.socket_dir / ".s.PGSQL.5432.lock").unlink(missing_ok=True)


def _works_in(process: psutil.Process, folder: Path) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()) == folder
    except psutil.Error:
        return False


def _answers(server: EmbeddedServer) -> bool:
    if not (server.socket_dir / ".s.PGSQL.5432").exists():
        return False
    return run("pg_isready", "-q", "-t", "3", "-h", str(server.socket_dir), check=False).returncode == 0
