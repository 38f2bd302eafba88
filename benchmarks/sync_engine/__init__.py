"""stripe-sync-engine beside payops, for comparison alone: npm installs it into a folder that is deleted afterwards."""

import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import quote, urlencode

from psycopg.conninfo import conninfo_to_dict

PACKAGES = ("@supabase/stripe-sync-engine@0.48.5", "stripe@23.1.0")
HERE = Path(__file__).parent


def install(folder: Path) -> Path:
    """The folder with the package and the scripts that use it."""
    place = folder / "sync_engine"
    place.mkdir(parents=True)
    for script in HERE.glob("*.?js"):
        shutil.copy(script, place)
    (place / "package.json").write_text('{"private": true}')
    subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", "--silent", *PACKAGES], cwd=place, check=True, env=_environment()
    )
    return place


def make_tables(place: Path, conninfo: str) -> None:
    subprocess.run(["node", "migrate.cjs"], cwd=place, check=True, env=_environment(DATABASE=address_of(conninfo)))


def serve(place: Path, conninfo: str, *, port: int, workers: int, secret: str) -> subprocess.Popen[bytes]:
    given = {"DATABASE": address_of(conninfo), "PORT": str(port), "WORKERS": str(workers), "SECRET": secret}
    return subprocess.Popen(["node", "server.mjs"], cwd=place, env=_environment(**given))


def backfill(place: Path, conninfo: str, *, base: str, key: str, objects: tuple[str, ...]) -> None:
    """Everything of these kinds from the Stripe at `base`, in a process of its own."""
    given = {"DATABASE": address_of(conninfo), "BASE": base, "KEY": key, "OBJECTS": ",".join(objects)}
    subprocess.run(["node", "backfill.mjs"], cwd=place, check=True, env=_environment(**given))


def address_of(conninfo: str) -> str:
    """As a URL, with the socket's folder as its host."""
    parts = conninfo_to_dict(conninfo)
    return f"postgresql://{parts['user']}@/{quote(str(parts['dbname']))}?" + urlencode({"host": parts["host"]})


def _environment(**given: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "DATABASE_URL"} | given
