"""Files: evidence uploaded to `/v1/files`. Name, size and type are stored, not the content."""

from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request

from core.sandbox.engine.errors import Json, invalid, missing_parameter
from core.sandbox.engine.lists import list_objects
from core.sandbox.engine.params import Params
from core.sandbox.engine.unit_of_work import BASE, UnitOfWork

PURPOSES = {"dispute_evidence", "business_logo", "identity_document", "additional_verification"}
TYPES = {"application/pdf": "pdf", "image/jpeg": "jpg", "image/png": "png", "text/plain": "txt", "text/csv": "csv"}
LARGEST_BYTES = 5_000_000


async def decode_upload(request: Request) -> dict[str, Any]:
    """The fields of a multipart body; the file becomes its name, size and type."""
    fields: dict[str, Any] = {}
    async with request.form(max_files=1) as form:
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                fields[name] = {
                    "filename": (value.filename or "file").replace("\\", "/").rsplit("/", 1)[-1],
                    "size": str(value.size or 0),
                    "type": value.content_type or "",
                }
            else:
                fields[name] = value
    return fields


def create(uow: UnitOfWork, params: Params) -> Json:
    purpose = params.choice("purpose", PURPOSES)
    if purpose is None:
        raise missing_parameter("purpose")
    upload = params.under("file")
    name, size = upload.must_text("filename"), upload.whole("size") or 0
    if purpose == "dispute_evidence" and size > LARGEST_BYTES:
        raise invalid("This file is too large. The maximum for dispute_evidence is 5 MB.", "file")
    kind = TYPES.get(upload.text("type") or "") or name.rsplit(".", 1)[-1].lower()
    if purpose == "dispute_evidence" and kind not in ("pdf", "jpg", "jpeg", "png"):
        raise invalid("Evidence files are a pdf, jpg or png.", "file")
    file_id = uow.ids.new("file")
    file = {
        "id": file_id,
        "object": "file",
        "created": uow.now,
        "expires_at": None,
        "filename": name,
        "links": {"object": "list", "data": [], "has_more": False, "url": f"/v1/file_links?file={file_id}"},
        "purpose": purpose,
        "size": size,
        "title": params.text("title"),
        "type": kind,
        "url": f"{BASE}/v1/files/{file_id}/contents",
    }
    return uow.add(file)


def retrieve(uow: UnitOfWork, file_id: str, params: Params) -> Json:
    return uow.get("file", file_id)


def list_all(uow: UnitOfWork, params: Params) -> Json:
    return list_objects(uow, "file", "/v1/files", params, ("purpose",))
