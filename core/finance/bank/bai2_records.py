"""The records of a BAI2 file: continuations are joined to what they continue, exactly as the bank broke it."""

from collections.abc import Iterator
from dataclasses import dataclass

from core.finance.bank.statements import Unreadable, lines_of, shown

CODES = ("01", "02", "03", "16", "49", "88", "98", "99")
_TEXT_FIELD = 5  # of an entry without fields of its funds type
_BREAK = "\x1f"  # where a text goes on in the next line; no file that is text has one


@dataclass(frozen=True)
class Record:
    """A logical record: its code, its fields with the text whole, and its lines in the file."""

    code: str
    fields: tuple[str, ...]
    line: int
    lines: int

    def texts(self, place: int) -> tuple[str, ...]:
        """The text from this place on, joined exactly; where it goes on in another line, also with a space between:
        some banks break it inside a number, others between two words.
        """
        written = [text for text in self.fields[place:] if text.strip(f" {_BREAK}")]
        exact = [text.replace(_BREAK, "") for text in written]
        spaced = [" ".join(text.split(_BREAK)) for text in written if _BREAK in text]
        return (*exact, *spaced)

    def get(self, place: int) -> str:
        return self.fields[place].strip() if place < len(self.fields) else ""


def records(text: str) -> Iterator[Record]:
    """The records with their continuations (88) joined; blank lines are passed over."""
    code, content, first, lines, ended = "", "", 0, 0, True
    for number, raw in enumerate(lines_of(text), 1):
        if not raw.strip():
            continue
        found, rest = _code_and_rest(raw, number)
        if found == "88":
            if not code:
                raise Unreadable(number, "a continuation (88) continues nothing")
            between = _BREAK if _in_text(code, content) else "," if ended else ""
            content, ended, lines = content + between + _unended(rest), _is_ended(rest), lines + 1
            continue
        if code:
            yield Record(code, _split(code, content), first, lines)
        elif found != "01":
            raise Unreadable(number, "the file does not begin with a BAI2 header (01)")
        code, content, first, lines, ended = found, _unended(rest), number, 1, _is_ended(rest)
    if not code:
        raise Unreadable(1, "the file is empty")
    yield Record(code, _split(code, content), first, lines)


def funds_fields(record: Record, place: int) -> int:
    """How many fields the funds type at this place takes, itself included."""
    funds = record.get(place).upper()
    if funds == "V":
        return 3
    if funds == "S":
        return 4
    if funds == "D" and record.get(place + 1).isdigit():
        return 2 + 2 * min(int(record.get(place + 1)), 99)
    return 1


def text_place(record: Record) -> int:
    """Which field of an entry is its text: the funds type before it may bring fields of its own."""
    return _TEXT_FIELD - 1 + funds_fields(record, 2)


def _code_and_rest(raw: str, number: int) -> tuple[str, str]:
    code, separator, rest = raw.partition(",")
    if not separator or code not in CODES:
        raise Unreadable(number, f"this line is not a BAI2 record: it begins with {shown(code)}")
    return code, rest


def _is_ended(rest: str) -> bool:
    return rest.rstrip().endswith("/")


def _unended(rest: str) -> str:
    """A physical record without its closing slash; blanks at its end stay where a text goes on after them."""
    return rest.rstrip()[:-1] if _is_ended(rest) else rest


def _in_text(code: str, content: str) -> bool:
    """Whether the record so far has come to its text, in which a comma is a comma."""
    record = Record(code, tuple(content.split(",")), 0, 0)
    return code == "16" and len(record.fields) > text_place(record)


def _split(code: str, content: str) -> tuple[str, ...]:
    fields = tuple(content.split(","))
    if code != "16":
        return fields
    place = text_place(Record(code, fields, 0, 0))
    return (*fields[:place], *([",".join(fields[place:])] if len(fields) > place else []))
