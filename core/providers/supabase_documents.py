"""Documents of licences in Supabase Storage, for an installation whose database is there too."""

import httpx
from storage3.exceptions import StorageApiError
from supabase import Client, ClientOptions, create_client

from core.errors import PayopsError, Refused, Unavailable
from core.providers.documents import MOST_BYTES

BUCKET = "licence-documents"
STORE_SECONDS = 20


class SupabaseStore:
    """A private bucket of Supabase Storage, which is made at the first upload."""

    def __init__(self, url: str, secret_key: str):
        options = ClientOptions(
            auto_refresh_token=False, persist_session=False, httpx_client=httpx.Client(timeout=STORE_SECONDS)
        )
        self._client: Client = create_client(url, secret_key, options)

    def put(self, document_id: str, content: bytes, media_type: str) -> None:
        try:
            try:
                self._upload(document_id, content, media_type)
            except StorageApiError as error:
                if not _is(error, 404, "bucket not found"):
                    raise
                self._make_bucket()
                self._upload(document_id, content, media_type)
        except (StorageApiError, httpx.HTTPError, ValueError) as error:
            raise _translated(error) from error

    def get(self, document_id: str) -> bytes:
        try:
            return self._client.storage.from_(BUCKET).download(document_id)
        except (StorageApiError, httpx.HTTPError) as error:
            raise _translated(error) from error

    def _upload(self, document_id: str, content: bytes, media_type: str) -> None:
        self._client.storage.from_(BUCKET).upload(document_id, content, {"content-type": media_type})

    def _make_bucket(self) -> None:
        try:
            self._client.storage.create_bucket(BUCKET, options={"public": False, "file_size_limit": MOST_BYTES})
        except StorageApiError as error:
            if not _is(error, 409, "already exists"):  # another upload made it meanwhile
                raise


def _is(error: StorageApiError, status: int, said: str) -> bool:
    """Storage answers most errors with HTTP 400; the real status is in the body, or only the sentence tells."""
    return str(error.status) in (str(status), "400") and said in error.message.casefold()


def _translated(error: Exception) -> PayopsError:
    """An error that tells staff what to do about Storage's answer, whose own text is for developers."""
    status = str(error.status) if isinstance(error, StorageApiError) else ""
    said = error.message.casefold() if isinstance(error, StorageApiError) else ""
    if status == "413" or "exceeded the maximum" in said:
        return Refused(
            "document_too_large",
            "Supabase Storage refused the document: it is larger than its upload limit, so nothing was stored.",
        )
    if status in ("401", "403") or "jwt" in said or "jws" in said:
        return Unavailable(
            "store_unauthorised",
            "Supabase Storage refused the secret key. An admin must check SUPABASE_SECRET_KEY; nothing was changed.",
        )
    if status == "404" or "not found" in said:
        return Refused("document_missing", "Supabase Storage does not have this document. Upload it again.")
    return Unavailable("store_unavailable", "Supabase Storage did not store or return the document. Try again.")
