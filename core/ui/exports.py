"""Files made for one user: each opens only for the user who made it."""

import hashlib
from functools import cache
from threading import Lock

from cachetools import LRUCache

MAX_FILES = 10_000


class Owners:
    """Who made which file, by the digest of its content, since Streamlit gives files of equal content the same URL."""

    def __init__(self) -> None:
        self._names: LRUCache[str, frozenset[str]] = LRUCache(MAX_FILES)
        self._lock = Lock()

    def add(self, content: bytes, user: str) -> bytes:
        """Allow `user` to open the file with this content; returns the content."""
        digest = hashlib.sha256(content).hexdigest()
        with self._lock:
            self._names[digest] = self._names.get(digest, frozenset()) | {user}
        return content

    def owns(self, user: str, content: bytes) -> bool:
        with self._lock:
            return user in self._names.get(hashlib.sha256(content).hexdigest(), frozenset())


@cache
def owners() -> Owners:
    """The owners of this process's files, which Streamlit keeps in memory as well."""
    return Owners()
