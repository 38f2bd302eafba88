"""A visitor without a browser: speaks Streamlit's own messages over a socket, so that hundreds come at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect

ANSWER_SECONDS = 60
MAIN = 0  # where an element's path begins; the sidebar's is 1


@dataclass
class Visitor:
    """A fresh session of the console at its sign-in form."""

    wire: ClientConnection
    fields: dict[str, str]
    button: str

    def sign_in(self, name: str, password: str) -> str | None:
        """What the form says to it; None where it says nothing."""
        typed = {self.fields["Username"]: name, self.fields["Password"]: password}
        return _words(_run(self.wire, typed, clicked=self.button))


@contextmanager
def visitor(base: str, address: str) -> Iterator[Visitor]:
    """One who comes from this address, as the proxy before the console says."""
    socket = base.replace("http", "ws", 1) + "/_stcore/stream"
    came_from = {"X-Forwarded-For": address}
    with connect(socket, origin=base, subprotocols=["streamlit"], additional_headers=came_from, max_size=None) as wire:
        shown = _run(wire, {})
        fields = {one.text_input.label: one.text_input.id for one in shown if one.HasField("text_input")}
        yield Visitor(wire, fields, next(one.button.id for one in shown if one.HasField("button")))


@dataclass(frozen=True)
class Seen:
    """What a visit to an address showed: its texts, the kinds of elements beside the sidebar, the sidebar's links."""

    texts: str
    in_main: frozenset[str]
    links: frozenset[str]
    found: bool


def seen_at(base: str, address: str, cookie: str) -> Seen:
    """What somebody with this cookie sees who opens the address in a new tab."""
    asked = BackMsg()
    asked.rerun_script.page_name = address
    socket = base.replace("http", "ws", 1) + "/_stcore/stream"
    headers = {"Cookie": cookie}
    with connect(socket, origin=base, subprotocols=["streamlit"], additional_headers=headers, max_size=None) as wire:
        wire.send(asked.SerializeToString())
        messages = list(_until_finished(wire))
    shown = [each for each in messages if each.HasField("delta") and each.delta.HasField("new_element")]
    pages = [page for each in messages if each.HasField("navigation") for page in each.navigation.app_pages]
    return Seen(
        "\n".join(str(each.delta.new_element) for each in shown),
        frozenset(each.delta.new_element.WhichOneof("type") for each in shown if each.metadata.delta_path[0] == MAIN),
        frozenset(page.url_pathname for page in pages if not page.is_hidden),
        not any(each.HasField("page_not_found") for each in messages),
    )


def _until_finished(wire: ClientConnection) -> Iterator[ForwardMsg]:
    while True:
        message = ForwardMsg.FromString(wire.recv(timeout=ANSWER_SECONDS))
        if message.HasField("script_finished") and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
            assert message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY
            return
        yield message


def _run(wire: ClientConnection, typed: dict[str, str], clicked: str | None = None) -> list[Element]:
    """One run of the script with this typed and clicked; the elements it showed."""
    asked = BackMsg()
    asked.rerun_script.query_string = ""
    for widget, text in typed.items():
        asked.rerun_script.widget_states.widgets.add(id=widget, string_value=text)
    if clicked:
        asked.rerun_script.widget_states.widgets.add(id=clicked, trigger_value=True)
    wire.send(asked.SerializeToString())
    shown = []
    while True:
        message = ForwardMsg.FromString(wire.recv(timeout=ANSWER_SECONDS))
        if message.HasField("script_finished"):
            return shown
        if message.HasField("delta") and message.delta.HasField("new_element"):
            shown.append(message.delta.new_element)


def _words(shown: list[Element]) -> str | None:
    return next((one.alert.body.replace("\\", "") for one in shown if one.HasField("alert")), None)
