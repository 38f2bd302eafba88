"""What generates clients of the OpenAPI document and lints it: npm's tools, and a Python package apart from our own.

They are installed beside this file at the first use; the linters, in a folder of their own, only where one lints.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
LINT = HERE / "lint"
NODE, PYTHON = HERE / "node_modules", HERE / "python"
FIRST_USE = "Tools for the OpenAPI document are installed at their first use, from {registry}. That failed.\n{error}"
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


def npm_tool(name: str, folder: Path = HERE) -> Path:
    """The path of an npm tool, installed as the lock file of `folder` says."""
    installed = folder / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < (folder / "package-lock.json").stat().st_mtime:
        _install("the npm registry", "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", where=folder)
    return folder / "node_modules" / ".bin" / name


def _install(registry: str, *command: str | Path, where: Path = HERE) -> None:
    try:
        run(*command, where=where)
    except RuntimeError as error:
        raise RuntimeError(FIRST_USE.format(registry=registry, error=error)) from error


def python_generator(*arguments: str | Path) -> str:
    """Run openapi-python-client. It wants an older typer than payops has, so it is installed in a folder of its own."""
    if not (PYTHON / "openapi_python_client").exists():
        requirements = ("--no-deps", "--require-hashes", "-r", HERE / "requirements.txt")
        _install("PyPI", sys.executable, "-m", "pip", "install", "--quiet", "--target", PYTHON, *requirements)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # it formats with our ruff
    return run(sys.executable, "-m", "openapi_python_client", *arguments, PYTHONPATH=str(PYTHON), PATH=path)
