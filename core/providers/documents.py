"""Documents that prove a licence: checked by their first bytes, kept in Supabase Storage or DATA_DIR, opened by whoever
may see providers, and each opening audited."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol, TypedDict

from core.db import Database
from core.errors import Refused, Unavailable
from core.staff import roles
from core.staff.roles import Actor, Right

MOST_BYTES = 10 * 1024 * 1024
FIRST_BYTES = {b"%PDF-": "application/pdf", b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}
FOLDER = "licence-documents"  # within DATA_DIR


class DocumentRow(TypedDict):
    """A document's record; its file is in the store under its `id`."""

    id: str
    provider_id: str
    name: str
    media_type: str
    size_bytes: int
    sha256: str
    uploaded_by: str
    uploaded_at: str


class DocumentStore(Protocol):
    """Where the files are kept; raises `Unavailable` if it does not answer."""

    def put(self, document_id: str, content: bytes, media_type: str) -> None: ...
    def get(self, document_id: str) -> bytes: ...


@dataclass(frozen=True)
class FolderStore:
    """Files in a folder that only this user may read."""

    folder: Path

    def put(self, document_id: str, content: bytes, media_type: str) -> None:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            unfinished = self.folder / f"{document_id}.part"
            unfinished.touch(mode=0o600)
            unfinished.write_bytes(content)
            unfinished.rename(self.folder / document_id)
        except OSError as error:
            raise Unavailable("store_unavailable", f"The document could not be kept: {error.strerror}.") from error

    def get(self, document_id: str) -> bytes:
        try:
            return (self.folder / document_id).read_bytes()
        except OSError as error:
            raise Unavailable("store_unavailable", f"The document cannot be read: {error.strerror}.") from error


def media_type_of(content: bytes) -> str:
    """The type that the first bytes say; raises `Refused` for an empty, too large or other file, whatever its name."""
    if not content:
        raise Refused("empty_document", "This file is empty.")
    if len(content) > MOST_BYTES:
        raise Refused("document_too_large", f"A document has at most {MOST_BYTES // 1024 // 1024} MiB.")
    for first, media_type in FIRST_BYTES.items():
        if content.startswith(first):
            return media_type
    raise Refused("not_a_document", "This file is not a PDF, PNG or JPEG, whatever its name says.")


def upload(
    db: Database, store: DocumentStore, actor: Actor, provider_id: str, name: str, content: bytes, now: datetime
) -> str:
    """Keep a document of the provider's licences; answers its id. Raises `Refused` for another type or size."""
    roles.require(actor, "providers")
    media_type = media_type_of(content)
    document_id = f"ldoc_{secrets.token_hex(16)}"
    store.put(document_id, content, media_type)  # the file first: a row without its file would prove nothing
    db.call(
        "add_licence_document",
        actor=actor.name,
        actor_role=str(actor.role),
        id=document_id,
        provider=provider_id,
        name=Path(name).name[:200] or "document",
        media_type=media_type,
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        now=now,
    )
    return document_id


def open_one(
    db: Database, store: DocumentStore, actor: Actor, document_id: str, now: datetime
) -> tuple[DocumentRow, bytes]:
    """The document and its content; that it was opened is audited. Raises `Refused` where the file was changed."""
    roles.require(actor, "providers", Right.SEE)
    row: DocumentRow = db.call(
        "open_licence_document", actor=actor.name, actor_role=str(actor.role), id=document_id, now=now
    )
    content = store.get(document_id)
    if hashlib.sha256(content).hexdigest() != row["sha256"]:
        raise Refused("document_changed", "The stored file is not the one that was uploaded. Upload it again.")
    return row, content
