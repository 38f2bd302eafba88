"""Supabase Storage as documented, over HTTP: files are stored and returned, and its errors explained in our words."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from core.errors import PayopsError, Refused, Unavailable
from core.providers import documents
from core.providers.supabase_documents import BUCKET, SupabaseStore
from tests.providers.conftest import ADMIN, NOW, OPS

PDF = b"%PDF-1.7\n\x00\xff binary \r\n%%EOF"
KEY = "sb_secret_of_the_tests"
PREFIX = "/storage/v1"


class Storage(ThreadingHTTPServer):
    """Buckets and objects in memory. Most errors are HTTP 400 with the status in the body, as in the real one."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.buckets: dict[str, dict] = {}
        self.objects: dict[str, tuple[bytes, str]] = {}
        self.made_by_another = False
        self.breaks: tuple[int, bytes] | None = None


class Handler(BaseHTTPRequestHandler):
    server: Storage

    def do_GET(self) -> None:
        bucket_and_name = self.path.split("?")[0].removeprefix(f"{PREFIX}/object/")
        if self._allowed() and bucket_and_name in self.server.objects:
            content, kind = self.server.objects[bucket_and_name]
            self._answer(200, content, kind)
        elif self._allowed():
            self._error("404", "not_found", "Object not found")
        else:
            self._error("403", "Unauthorized", "Invalid Compact JWS")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.breaks:
            self._answer(*self.server.breaks, "text/html")
        elif not self._allowed():
            self._error("403", "Unauthorized", "Invalid Compact JWS")
        elif self.path == f"{PREFIX}/bucket":
            self._make_bucket(json.loads(body))
        else:
            self._store(self.path.removeprefix(f"{PREFIX}/object/"), body)

    def _make_bucket(self, asked: dict) -> None:
        known = self.server.made_by_another or asked["name"] in self.server.buckets
        self.server.buckets[asked["name"]] = asked
        if known:
            self._error("409", "Duplicate", "The resource already exists")
        else:
            self._answer(200, json.dumps({"name": asked["name"]}).encode())

    def _store(self, path: str, body: bytes) -> None:
        bucket, _, _name = path.partition("/")
        boundary = b"--" + self.headers["Content-Type"].split("boundary=")[1].encode()
        part = next(one for one in body.split(boundary) if b'name="file"' in one)
        head, _, content = part.removesuffix(b"\r\n").partition(b"\r\n\r\n")
        kind = head.split(b"Content-Type: ")[1].split(b"\r\n")[0].decode()
        if bucket not in self.server.buckets:
            self._error("404", "Bucket not found", "Bucket not found")
        elif len(content) > self.server.buckets[bucket]["file_size_limit"]:
            self._error("413", "Payload too large", "The object exceeded the maximum allowed size", http=413)
        elif path in self.server.objects:
            self._error("409", "Duplicate", "The resource already exists")
        else:
            self.server.objects[path] = (content, kind)
            self._answer(200, json.dumps({"Key": path, "Id": "1"}).encode())

    def _allowed(self) -> bool:
        return KEY in (self.headers["apikey"], self.headers["Authorization"].removeprefix("Bearer "))

    def _error(self, status: str, error: str, message: str, http: int = 400) -> None:
        self._answer(http, json.dumps({"statusCode": status, "error": error, "message": message}).encode())

    def _answer(self, status: int, body: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def storage() -> Iterator[Storage]:
    served = Storage()
    threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield served
    served.shutdown()
    served.server_close()


def store_of(storage: Storage, key: str = KEY) -> SupabaseStore:
    return SupabaseStore(f"http://127.0.0.1:{storage.server_address[1]}", key)


def test_the_first_upload_makes_a_private_bucket_and_the_document_comes_back_as_it_was(clinic, storage):
    clinic.provider("ann")
    store = store_of(storage)
    kept = documents.upload(clinic.db, store, ADMIN, "ann", "licence.pdf", PDF, NOW)
    assert storage.objects == {f"{BUCKET}/{kept}": (PDF, "application/pdf")}
    assert storage.buckets[BUCKET]["public"] is False
    assert documents.open_one(clinic.db, store, OPS, kept, NOW)[1] == PDF
    storage.objects[f"{BUCKET}/{kept}"] = (b"%PDF-another", "application/pdf")
    with pytest.raises(Refused, match="not the one that was uploaded"):
        documents.open_one(clinic.db, store, OPS, kept, NOW)


def test_a_bucket_created_by_a_concurrent_upload_is_used(storage):
    storage.made_by_another = True
    store_of(storage).put("ldoc_1", PDF, "application/pdf")
    assert storage.objects[f"{BUCKET}/ldoc_1"][0] == PDF


def error_of(call, *args) -> PayopsError:
    with pytest.raises(PayopsError) as raised:
        call(*args)
    return raised.value


def test_each_storage_error_is_explained_and_overwrites_nothing(storage):
    store = store_of(storage)
    store.put("ldoc_1", PDF, "application/pdf")
    again = error_of(store.put, "ldoc_1", b"%PDF-another", "application/pdf")
    assert isinstance(again, Unavailable) and storage.objects[f"{BUCKET}/ldoc_1"][0] == PDF
    assert error_of(store.get, "ldoc_2").code == "document_missing"
    large = error_of(store.put, "ldoc_3", b"%PDF-" + b"0" * documents.MOST_BYTES, "application/pdf")
    assert large.code == "document_too_large"
    stranger = store_of(storage, "sb_secret_of_another")
    for wrong in (
        error_of(stranger.get, "ldoc_1"),
        error_of(stranger.put, "ldoc_4", PDF, "application/pdf"),
    ):
        assert wrong.code == "store_unauthorised" and "SUPABASE_SECRET_KEY" in wrong.detail
    assert list(storage.objects) == [f"{BUCKET}/ldoc_1"]


@pytest.mark.parametrize("breaks", [(502, b"<html>Bad Gateway</html>"), (200, b"<html>A proxy's page</html>")])
def test_an_unexpected_storage_answer_can_be_retried(storage, breaks):
    storage.breaks = breaks
    assert error_of(store_of(storage).put, "ldoc_1", PDF, "application/pdf").code == "store_unavailable"


def test_an_unavailable_store_loses_no_row(clinic, storage):
    clinic.provider("ann")
    away = store_of(storage)
    storage.shutdown()
    storage.server_close()
    assert isinstance(error_of(documents.upload, clinic.db, away, ADMIN, "ann", "a.pdf", PDF, NOW), Unavailable)
    assert clinic.rows("select 1 from payops.licence_documents") == []
