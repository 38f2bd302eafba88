"""The pages of the console: their addresses, titles and icons, and who may open them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from urllib.parse import parse_qsl

import streamlit as st
from streamlit.navigation.page import Page

from core.staff import audit
from core.staff.roles import CONSOLE_PAGES, Right, Role, right
from core.staff.sessions import StaffSession
from core.ui import session

CHECKOUT = Path(__file__).resolve().parents[2]
HOME = "home"
View = Mapping[str, str | list[str]]


@dataclass(frozen=True)
class Entry:
    """One page: its address, its section in the sidebar, its title and icon."""

    address: str
    section: str
    title: str
    icon: str

    @cached_property
    def path(self) -> Path:
        return CHECKOUT / "pages" / self.section.lower() / f"{self.address.replace('-', '_')}.py"

    @cached_property
    def exists(self) -> bool:
        """Whether the page has a file; looked up once, since pages do not change while the console runs."""
        return self.path.exists()


ENTRIES = tuple(Entry(page.address, page.section, page.title, page.icon) for page in CONSOLE_PAGES)


def present() -> list[Entry]:
    """The pages that have a file."""
    return [entry for entry in ENTRIES if entry.exists]


def entry_of(address: str) -> Entry | None:
    """The page at this address, if it exists."""
    return next((entry for entry in present() if entry.address == address), None)


def may_open(role: Role, link: str) -> bool:
    """Whether the page of this link (such as `payments?payment=pi_1`) exists and the role may open it."""
    address = link.partition("?")[0]
    return entry_of(address) is not None and right(role, address) > Right.NONE


def link(address: str, label: str, role: Role, view: View | None = None) -> None:
    """Show a link to another page of the console, if that page exists and the role may open it.

    The page opens with the filters in `view`, or in `address`: `assignments?show=assigned`.
    """
    name, _, said = address.partition("?")
    if may_open(role, name) and (entry := entry_of(name)):
        query = dict(parse_qsl(said)) | dict(view or {})
        st.page_link(entry.path, label=label, icon=":material/arrow_forward:", query_params=query)


def open_page(address: str, parameters: View) -> None:
    """Go to another page with these query parameters; not possible in a callback."""
    if entry := entry_of(address):
        st.switch_page(entry.path, query_params=dict(parameters))


def before_sign_in(body: Callable[[], None]) -> Page:
    """Show `body` at every address, so that visitors stay at the page they asked for until they are signed in."""
    pages = [_home(body), *(_page(entry, body) for entry in present())]
    return st.navigation(pages, position="hidden")


def for_staff(staff: StaffSession) -> Page:
    """The sidebar with the pages that the role may open, by section; other pages say that it may not open them."""
    sections: dict[str, list[Page]] = {}
    hidden: list[Page] = []
    for entry in present():
        if right(staff.role, entry.address) > Right.NONE:
            sections.setdefault(entry.section, []).append(_page(entry, entry.path))
        else:
            hidden.append(_page(entry, partial(_not_available, staff, entry), visible=False))
    first = next(page for pages in sections.values() for page in pages)
    page = st.navigation({"": [_home(lambda: st.switch_page(first)), *hidden], **sections}, expanded=True)
    session.set_address(page.url_path)
    return page


def _home(body: Callable[[], None]) -> Page:
    """An extra default page: Streamlit drops the address of the default page, so none of ours can be it."""
    return st.Page(body, title=HOME, default=True, visibility="hidden")


def _page(entry: Entry, body: Path | Callable[[], None], *, visible: bool = True) -> Page:
    return st.Page(
        body,
        title=entry.title,
        icon=f":material/{entry.icon}:",
        url_path=entry.address,
        visibility="visible" if visible else "hidden",
    )


def _not_available(staff: StaffSession, entry: Entry) -> None:
    st.title(entry.title)
    st.error(f"This page is not available to your role ({staff.role}). An admin can change your role.")
    tried = f"tried {staff.session_id} {entry.address}"
    if tried not in st.session_state:
        st.session_state[tried] = True
        audit.record(
            session.db(),
            staff.actor,
            "console:page:opened",
            f"page:{entry.address}",
            session.sessions().now(),
            outcome="refused",
        )
