"""Documents of licences in Supabase Storage, for an installation whose database is there too."""

import httpx
from storage3.exceptions import StorageApiError
from supabase import Client, ClientOptions, create_client

from core.errors import Unavailable
from core.providers.documents import MOST_BYTES

BUCKET = "licence-documents"
STORE_SECONDS = 20
NO_BUCKET = ("400", "404")


class SupabaseStore:
    """A private bucket of Supabase Storage, which is made at the first upload."""

    def __init__(self, url: str, secret_key: str):
        options = ClientOptions(
            auto_refresh_token=False, persist_session=False, httpx_client=httpx.Client(timeout=STORE_SECONDS)
        )
        self._client: Client = create_client(url, secret_key, options)

    def put(self, document_id: str, content: bytes, media_type: str) -> None:
        how = {"content-type": media_type}
        try:
            try:
                self._client.storage.from_(BUCKET).upload(document_id, content, how)  # type: ignore[arg-type]
            except StorageApiError as error:
                if str(error.status) not in NO_BUCKET:
                    raise
                self._client.storage.create_bucket(BUCKET, options={"public": False, "file_size_limit": MOST_BYTES})
                self._client.storage.from_(BUCKET).upload(document_id, content, how)  # type: ignore[arg-type]
        except (StorageApiError, httpx.HTTPError) as error:
            raise _away() from error

    def get(self, document_id: str) -> bytes:
        try:
            return self._client.storage.from_(BUCKET).download(document_id)
        except (StorageApiError, httpx.HTTPError) as error:
            raise _away() from error


def _away() -> Unavailable:
    return Unavailable("store_unavailable", "Supabase Storage did not take or give the document. Try again.")
