"""Secrets that a machine makes for itself once, kept in a file that its owner alone can read."""

import os
import tempfile
from pathlib import Path


def keep_once(path: Path, content: bytes) -> bytes:
    """What `path` holds: `content` if it is new, else what was kept there before.

    The file appears whole or not at all, with mode 0600; of several processes at once the first one's stays.
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
