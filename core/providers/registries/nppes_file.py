"""Reads a file of the NPI registry: its CSV of any size, packed or not, in bounded memory, and the API's JSON answer.

Each row's cells are counted, but only the rows of the NPIs asked for are taken apart.
"""

import codecs
import csv
import zipfile
import zlib
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from io import BufferedReader, BytesIO, RawIOBase, StringIO
from pathlib import PurePath
from typing import IO, Any, cast

import orjson

from core import table_files
from core.errors import Refused
from core.providers import licences
from core.providers.registries import nppes_records
from core.providers.registries.file_values import MOST_PROBLEMS, RowProblem
from core.providers.registries.nppes_records import Columns, NppesRecord, Problems

# Called regularly with the share of the file that has been read, from 0 to 1.
Progress = Callable[[float], None]
LONGEST_LINE = 1 << 20
HEAD_BYTES = 4096
MAX_JSON_BYTES = 64 << 20
ROWS_BETWEEN_PROGRESS = 20_000
_SHIFTED = "There is no NPI where it should be: the columns of this row are shifted."
_CUT_OFF = "The file ends within this row: it was cut off. Download it again."


@dataclass
class NppesFile:
    """The entries of the NPIs asked for, how many rows the file has, and everything that is wrong in it."""

    rows: int = 0
    records: list[NppesRecord] = field(default_factory=list)
    problems: list[RowProblem] = field(default_factory=list)

    def add(self, line: int, read: Callable[[], NppesRecord]) -> None:
        """Take in one entry, or what is wrong with it."""
        try:
            self.records.append(read())
        except Problems as wrong:
            self.problems += [RowProblem(line, column, message) for column, message in wrong.found]

    def name_duplicates(self) -> None:
        """An NPI has one row: a second one is a problem, even if it is the same."""
        first: dict[str, int] = {}
        for record in self.records:
            if (line := first.setdefault(record.npi, record.line)) != record.line:
                self.problems.append(RowProblem(record.line, "npi", f"Line {line:,} has the same NPI."))


def read(name: str, stream: IO[bytes], npis: Set[str], progress: Progress = lambda part: None) -> NppesFile:
    """The entries of `npis` in the file that `stream` reads from its beginning; raises `Refused` for what is no file of
    the registry."""
    head = stream.read(HEAD_BYTES)
    stream.seek(0)
    first = BytesIO(head)
    if _in_utf_8(first, head).read(100).lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
        found = _read_json(_in_utf_8(stream, head), npis)
    else:
        size = stream.seek(0, 2)
        stream.seek(0)
        with _unpacked(stream, head) as rows:
            found = _CsvReader(rows, npis, lambda: progress(stream.tell() / size if size else 1)).read()
    found.name_duplicates()
    return found


@contextmanager
def _unpacked(stream: IO[bytes], head: bytes) -> Iterator[IO[bytes]]:
    """The registry's CSV, out of its .zip if the stream, which begins with `head`, is one."""
    try:
        if not head.startswith(b"PK"):
            yield _in_utf_8(stream, head)
            return
        with zipfile.ZipFile(stream) as archive:
            with archive.open(_main_file(archive)) as member:
                rows = BufferedReader(cast(Any, member), LONGEST_LINE)
                yield _in_utf_8(rows, rows.peek(HEAD_BYTES))
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise Refused("bad_file", "This .zip is damaged or was cut off. Download it again.") from error
    except (NotImplementedError, RuntimeError) as error:
        raise Refused("bad_file", "This .zip cannot be unpacked: it has a password or an unusual packing.") from error


class _FromUtf16(RawIOBase):
    """A stream in UTF-16, read as UTF-8."""

    def __init__(self, stream: IO[bytes], encoding: str):
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
        self._unread = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        more = b" "
        while more and not self._unread:
            more = self._stream.read(len(buffer))
            self._unread = self._decoder.decode(more, final=not more).encode()
        given = self._unread[: len(buffer)]
        buffer[: len(given)] = given
        self._unread = self._unread[len(given) :]
        return len(given)


def _in_utf_8(stream: IO[bytes], head: bytes) -> IO[bytes]:
    """The stream, which begins with `head`, in UTF-8; Excel saves "Unicode text" in UTF-16."""
    encoding = table_files.utf_16_of(head)
    return BufferedReader(_FromUtf16(stream, encoding), LONGEST_LINE) if encoding else stream


def _main_file(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    """The one file of providers: beside it lie files of headings, other names, locations and endpoints."""
    named = {PurePath(one.filename).name.lower(): one for one in archive.infolist()}
    found = [one for name, one in named.items() if name.endswith(".csv") and not name.endswith("_fileheader.csv")]
    main = [one for one in found if PurePath(one.filename).name.lower().startswith("npidata")]
    if len(candidates := main or found) != 1:
        raise Refused("bad_file", "This .zip has no file npidata_pfile_….csv, so it is not one of the NPI registry.")
    return candidates[0]


def _read_json(stream: IO[bytes], npis: Set[str]) -> NppesFile:
    """The `results` of one answer of the API, of a list of answers, or of answers a line each."""
    content = stream.read(MAX_JSON_BYTES + 1).removeprefix(b"\xef\xbb\xbf")
    if len(content) > MAX_JSON_BYTES:
        raise Refused("bad_file", "This JSON file is larger than 64 MiB. Use the registry's CSV file.")
    found = NppesFile()
    for line, result in _results(content):
        found.rows += 1
        if not isinstance(result, dict):
            raise Refused("bad_file", nppes_records.NO_ANSWER)
        npi = str(result.get("number"))
        if wrong := licences.npi_problem(npi):
            found.problems.append(RowProblem(line, "number", wrong))
        elif npi in npis:
            found.add(line, partial(nppes_records.from_api, line, result))
    return found


def _results(content: bytes) -> Iterator[tuple[int, Any]]:
    """Each result with its number in the file."""
    try:
        answers = [orjson.loads(content)]
    except orjson.JSONDecodeError:
        try:
            answers = [orjson.loads(line) for line in content.splitlines() if line.strip()]
        except orjson.JSONDecodeError:
            raise Refused("bad_file", "This JSON file is damaged or was cut off.") from None
    number = 0
    for answer in answers if not isinstance(answers[0], list) else answers[0]:
        if isinstance(answer, dict) and (errors := answer.get("Errors")):
            raise Refused("bad_file", f"The NPI registry's API answered with an error: {_first_error(errors)}")
        results = answer.get("results", [answer]) if isinstance(answer, dict) else [answer]
        for result in results if isinstance(results, list) else [results]:
            number += 1
            yield number, result


def _first_error(errors: Any) -> str:
    first = errors[0] if isinstance(errors, list) and errors else errors
    return str(first.get("description", first) if isinstance(first, dict) else first)[:200]


class _CsvReader:
    """One pass over the registry's CSV.

    Each cell of the registry's own file is quoted, so that most rows are known to be whole by counting what separates
    the cells. Only rows whose separators do not add up, and those of the NPIs asked for, go through a CSV parser.
    """

    def __init__(self, rows: IO[bytes], npis: Set[str], tell: Callable[[], None]):
        self._next = partial(rows.readline, LONGEST_LINE)
        self._npis = {npi.encode() for npi in npis}
        self._tell = tell
        self._line = 0
        self._found = NppesFile()

    def read(self) -> NppesFile:
        header = self._next()
        self._line = 1
        if b"\0" in header or not header.endswith(b"\n"):
            raise Refused("bad_file", "This is not a CSV file of the NPI registry in UTF-8 or UTF-16.")
        text = _decoded(header.removeprefix(b"\xef\xbb\xbf"))
        self._separator = max(",;\t|", key=text.count)
        self._columns = Columns.of(self._cells(text.encode()) or [])
        # The fast path needs the NPI in the first column.
        quick = b'"%s"' % self._separator.encode() if self._columns.places["npi"] == 0 else None
        self._pass(quick)
        if not self._found.rows:
            raise Refused("bad_file", "The file has no rows below its headings: it was cut off. Download it again.")
        return self._found

    def _pass(self, quick: bytes | None) -> None:
        found, ours, next_line, separators = self._found, self._npis, self._next, self._columns.width - 1
        is_npi = licences.is_npi
        while line := next_line():
            self._line += 1
            found.rows += 1
            if found.rows % ROWS_BETWEEN_PROGRESS == 0:
                self._tell()
            whole = quick and line.count(quick) == separators and line[:1] == b'"' and line.endswith((b'"\n', b'"\r\n'))
            if not whole or line[1:11] in ours:
                self._take(line)
            elif not (npi := line[1:11]).isdigit() or line[11:12] != b'"':
                self._problem(self._line, "npi", _SHIFTED)
            elif not is_npi(npi):
                self._problem(self._line, "npi", str(licences.npi_problem(npi.decode())))
            if len(found.problems) >= MOST_PROBLEMS:
                return

    def _take(self, line: bytes) -> None:
        """Read one row with a CSV parser; a cell with line breaks goes on over the following lines."""
        first = self._line
        while line.count(b'"') % 2 and len(line) < LONGEST_LINE and (more := self._next()):
            self._line += 1
            line += more
        if not line.strip():
            self._found.rows -= 1
            return
        cells = self._cells(line)
        ends_open = line[:1] == b'"' and line[-1:] not in (b'"', b"\n")  # its last cell is missing or incomplete
        if cells is None or ends_open:
            self._problem(first, "row", "A quotation mark is missing here." if line.endswith(b"\n") else _CUT_OFF)
        elif len(cells) != self._columns.width:
            cut = "" if line.endswith(b"\n") else f" {_CUT_OFF}"
            said = f"This row has {len(cells):,} cells, and the headings are {self._columns.width:,}.{cut}"
            self._problem(first, "row", said)
        elif (npi := cells[self._columns.places["npi"]].strip().encode()) in self._npis:
            self._found.add(first, partial(self._columns.record, first, cells))
        elif not npi.isdigit() or len(npi) != 10:
            self._problem(first, "npi", _SHIFTED)
        elif wrong := licences.npi_problem(npi.decode()):
            self._problem(first, "npi", wrong)

    def _cells(self, line: bytes) -> list[str] | None:
        """The row's cells; None where it is not CSV."""
        try:
            text = StringIO(_decoded(line), newline="")
            rows = list(csv.reader(text, delimiter=self._separator, strict=True))
        except csv.Error:
            return None
        return rows[0] if len(rows) == 1 else None

    def _problem(self, line: int, column: str, message: str) -> None:
        self._found.problems.append(RowProblem(line, column, message))


def _decoded(line: bytes) -> str:
    """UTF-8, as the registry writes, or the Western alphabet that Excel may have made of it."""
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("cp1252", errors="replace")
