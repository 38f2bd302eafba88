"""Details over the list: a drawer for the object that the address names, and the dialogs that act on it."""

from collections.abc import Callable
from functools import partial

import streamlit as st

from core.ui import session
from core.ui.kit import actions, rows
from core.ui.text import literal


def show(title: str, parameter: str, body: Callable[[str], None], *, within: str = "") -> None:
    """Draw `body` in a drawer for the object whose id is the query parameter of this name, if there is one.

    Call it once the page knows what `body` needs, before the rest of the list is drawn. Closing the drawer takes the
    object out of the address, and the part that `within` names. A dialog that was asked for takes the drawer's place
    until it ends.
    """
    if (asked := st.session_state.pop(actions.ASKED, None)) is not None:
        asked()
    elif chosen := st.query_params.get(parameter):
        _open(title, parameter, within, partial(body, chosen))


def ask(dialog: Callable[..., None], *arguments: object) -> None:
    """For `on_click` in a drawer: open this dialog in its place. The dialog must rerun the page when dismissed."""
    st.session_state[actions.ASKED] = partial(dialog, *arguments)


def close(parameter: str, within: str = "") -> None:
    """Take the object out of the address, so that the drawer closes, and unmark its row."""
    for each in (parameter, within):
        st.query_params.pop(each, None)
    rows.unmark(parameter)


def _open(title: str, parameter: str, within: str, body: Callable[[], None]) -> None:
    @st.dialog(literal(title), width="medium", position="right", on_dismiss=partial(close, parameter, within))
    def drawer() -> None:
        session.actor()  # whoever was signed out meanwhile sees the sign-in form
        actions.end_dialog_if_asked()
        with st.container(key="chosen"):
            actions.show_result()
            body()

    drawer()
