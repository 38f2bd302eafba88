"""An uploaded file, read once for as long as its dialog shows it."""

from collections.abc import Callable
from typing import Any, TypeVar

import streamlit as st

from core.errors import Refused, Unavailable
from core.ui.text import literal

Read = TypeVar("Read")


def read_once(
    key: str, how: Callable[[str, bytes], Read], *choices: Any, doing: str = "Reading the file"
) -> Read | None:
    """What `how` reads from the file in the uploader `key`; None if there is no file or it is refused.

    Each file is read once for the same choices. A refusal is shown. The result may hold birth dates, and is kept until
    the dialog closes.
    """
    uploaded = st.session_state.get(key)
    if uploaded is None:
        forget(key)
        return None
    of = (uploaded.file_id, *choices)
    if _kept(key) not in st.session_state or st.session_state[_kept(key)][0] != of:
        try:
            with st.spinner(doing):
                st.session_state[_kept(key)] = (of, how(uploaded.name, uploaded.getvalue()))
        except (Refused, Unavailable) as error:
            st.error(literal(error.detail))
            return None
    found: Read = st.session_state[_kept(key)][1]
    return found


def forget(key: str) -> None:
    """Read the file in this uploader again the next time."""
    st.session_state.pop(_kept(key), None)


def _kept(key: str) -> str:
    return f"{key} read"
