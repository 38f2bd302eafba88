"""The records of a BAI2 file; continuation lines (88) are joined to the record they continue."""

from collections.abc import Iterator
from dataclasses import dataclass

from core.finance.bank.statements import Unreadable, lines_of, shown

CODES = ("01", "02", "03", "16", "49", "88", "98", "99")
_TEXT_FIELD = 5  # place of the text in an entry (16) whose funds type has no fields of its own
_BREAK = "\x1f"  # marks where a text was broken over two lines; it occurs in no text file


@dataclass(frozen=True)
class Record:
    """A record with its continuations: its code, its fields, its first line in the file, and how many lines it has."""

    code: str
    fields: tuple[str, ...]
    line: int
    lines: int

    def texts(self, place: int) -> tuple[str, ...]:
        """The text from this field on, joined without spaces and, if broken over lines, also with a space at each one:
        some banks break a text inside a number, others between two words.
        """
        written = [text for text in self.fields[place:] if text.strip(f" {_BREAK}")]
        exact = [text.replace(_BREAK, "") for text in written]
        spaced = [" ".join(text.split(_BREAK)) for text in written if _BREAK in text]
        return (*exact, *spaced)

    def get(self, place: int) -> str:
        return self.fields[place].strip() if place < len(self.fields) else ""


def records(text: str) -> Iterator[Record]:
    """The records with their continuations (88) joined; blank lines are skipped."""
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
    """How many fields the funds type at this place has, itself included."""
    funds = record.get(place).upper()
    if funds == "V":
        return 3
    if funds == "S":
        return 4
    if funds == "D" and record.get(place + 1).isdigit():
        return 2 + 2 * min(int(record.get(place + 1)), 99)
    return 1


def text_place(record: Record) -> int:
    """The place of an entry's text, which depends on how many fields the funds type before it has."""
    return _TEXT_FIELD - 1 + funds_fields(record, 2)


def _code_and_rest(raw: str, number: int) -> tuple[str, str]:
    code, separator, rest = raw.partition(",")
    if not separator or code not in CODES:
        raise Unreadable(number, f"this line is not a BAI2 record: it begins with {shown(code)}")
    return code, rest


def _is_ended(rest: str) -> bool:
    return rest.rstrip().endswith("/")


def _unended(rest: str) -> str:
    """A line without its closing slash. Without a slash, spaces at the end stay: the text may continue after them."""
    return rest.rstrip()[:-1] if _is_ended(rest) else rest


def _in_text(code: str, content: str) -> bool:
    """Whether the record has reached its text, in which commas no longer separate fields."""
    record = Record(code, tuple(content.split(",")), 0, 0)
    return code == "16" and len(record.fields) > text_place(record)


def _split(code: str, content: str) -> tuple[str, ...]:
    fields = tuple(content.split(","))
    if code != "16":
        return fields
    place = text_place(Record(code, fields, 0, 0))
    return (*fields[:place], *([",".join(fields[place:])] if len(fields) > place else []))
