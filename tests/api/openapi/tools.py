"""What lints the OpenAPI document and generates clients of it: npm's
tools, and a generator apart from our own packages.

Both are installed beside this file at the first use.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
NODE, PYTHON = HERE / "node_modules", HERE / "python"
NO_NPM = "WARNING: no npm, so the OpenAPI document is NOT linted and no TypeScript client is generated."
QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", "SCARF_ANALYTICS": "false"}


def has_npm() -> bool:
    return shutil.which("npm") is not None


def run(*command: str | Path, where: Path = HERE, **environment: str) -> str:
    """What the command printed; raises `RuntimeError` with it where the command failed."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=where,
        env=os.environ | QUIET | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{Path(command[0]).name} failed:\n{done.stdout}")
    return done.stdout


def npm_tool(name: str) -> Path:
    """The path of an installed npm tool."""
    lock = NODE / ".package-lock.json"
    if not lock.exists() or lock.stat().st_mtime < (HERE / "package-lock.json").stat().st_mtime:
        run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
    return NODE / ".bin" / name


def python_generator(*arguments: str | Path) -> str:
    """Run openapi-python-client. It wants an older typer than payops has, so it is installed in a folder of its own."""
    if not (PYTHON / "openapi_python_client").exists():
        requirements = ("--no-deps", "--require-hashes", "-r", HERE / "requirements.txt")
        run(sys.executable, "-m", "pip", "install", "--quiet", "--target", PYTHON, *requirements)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # it formats with our ruff
    return run(sys.executable, "-m", "openapi_python_client", *arguments, PYTHONPATH=str(PYTHON), PATH=path)
