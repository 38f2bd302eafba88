"""Secrets that are generated once and stored in a file that only its owner can read."""

import os
import tempfile
from pathlib import Path


def create_once(path: Path, content: bytes) -> bytes:
    """The content of `path`: `content` if the file is new, else what was stored there before.

    The file is created atomically with mode 0600; if several processes create it at once, the first one wins.
    """
    if path.exists():
        return path.read_bytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, written = tempfile.mkstemp(dir=path.parent)  # mkstemp gives mode 0600
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    try:
        os.link(written, path)
    except FileExistsError:
        return path.read_bytes()
    finally:
        os.unlink(written)
    return content
