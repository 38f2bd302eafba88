"""The keys of a sandbox, made once and kept in `DATA_DIR/sandbox.json`."""

import base64
import json
import os
import secrets
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from core.sandbox.locks import only_one


@dataclass(frozen=True)
class SandboxSecrets:
    """Test keys, generated on this machine and valid only for this sandbox."""

    secret_key: str
    publishable_key: str
    webhook_secret: str
    intake_webhook_secret: str
    api_token: str
    cookie_key: str


def sandbox_secrets(data_dir: Path) -> SandboxSecrets:
    """Every process gets the same secrets, even when several ask at the same time."""
    path = data_dir / "sandbox.json"
    kept = _read(path)
    if kept is not None:
        return kept
    data_dir.mkdir(parents=True, exist_ok=True)
    with only_one(data_dir / "sandbox.json.lock"):
        kept = _read(path)
        if kept is None:
            kept = _made()
            _write(path, kept)
        return kept


def _made() -> SandboxSecrets:
    return SandboxSecrets(
        secret_key="sk_test_" + secrets.token_hex(24),
        publishable_key="pk_test_" + secrets.token_hex(24),
        webhook_secret="whsec_" + secrets.token_hex(24),
        intake_webhook_secret="whsec_" + base64.b64encode(secrets.token_bytes(24)).decode(),
        api_token="payops_" + secrets.token_urlsafe(32),
        cookie_key=secrets.token_hex(32),
    )


def _read(path: Path) -> SandboxSecrets | None:
    try:
        kept = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    return SandboxSecrets(**{field.name: kept[field.name] for field in fields(SandboxSecrets)})


def _write(path: Path, made: SandboxSecrets) -> None:
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump(asdict(made), file, indent=2)
    os.replace(beside, path)
