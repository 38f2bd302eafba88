"""Reads a bank statement of any supported format: recognizes the format, decodes the file, and reports its errors."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from core.errors import Refused
from core.finance.bank import bai2, camt053, csv_file, mt940, ofx
from core.finance.bank.csv_mapping import CsvMapping
from core.finance.bank.statements import Format, Statement, Unreadable, verify_balance

T = TypeVar("T")

MAX_BYTES = 64 * 1024 * 1024
_OTHER_KINDS = {
    b"%PDF": "a PDF",
    b"PK\x03\x04": "an Excel workbook or a ZIP archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"\x1f\x8b": "a compressed file",
    b"7z\xbc\xaf": "a compressed file",
    b"Rar!": "a compressed file",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
}
_HTML = re.compile(rb"\s*<(!doctype\s+html|html)", re.IGNORECASE)
_READERS: dict[Format, Callable[[str], list[Statement]]] = {
    Format.MT940: mt940.read,
    Format.BAI2: bai2.read,
    Format.OFX: ofx.read,
}


@dataclass(frozen=True)
class StatementFile:
    """The content of a file; `sha256` is the digest of its bytes."""

    name: str
    sha256: str
    format: Format
    statements: list[Statement]


def format_of(name: str, data: bytes) -> Format:
    """The format, judged by the content. Raises `Refused` if payops cannot read it."""
    with_sentence(name, lambda: _refuse_other_kinds(data))
    if _is_xml(data):
        return Format.OFX if re.search(rb"<\?OFX|<OFX[\s>]", data[:4000].replace(b"\0", b"")) else Format.CAMT053
    head = with_sentence(name, lambda: decoded(data))[:4000].lstrip("\ufeff \r\n\t")
    if head.startswith("01,"):
        return Format.BAI2
    if re.match(r"OFXHEADER|<OFX>", head, re.IGNORECASE):
        return Format.OFX
    if re.match(r":\d\d[A-Z]?:|\{1:|\{4:", head) or re.search(r"^:20:", head, re.MULTILINE):
        return Format.MT940
    return Format.CSV


def read(name: str, data: bytes, *, mapping: CsvMapping | None = None, currency: str | None = None) -> StatementFile:
    """The file's statements, checked for completeness. A CSV needs its account's mapping and currency.

    Raises `Refused` with the file, the line and the reason.
    """
    kind = format_of(name, data)
    if kind is Format.CSV and (mapping is None or currency is None):
        raise Refused("mapping_missing", f"{name}: choose which column holds what before this CSV can be imported.")

    def statements() -> list[Statement]:
        if kind is Format.CAMT053:
            found = camt053.read(data)
        elif kind is Format.CSV:
            assert mapping is not None and currency is not None
            found = csv_file.read(decoded(data), mapping, currency)
        else:
            found = _READERS[kind](decoded(data))
        for each in found:
            if kind in (Format.CAMT053, Format.MT940):
                verify_balance(each)
        return found

    return StatementFile(name, hashlib.sha256(data).hexdigest(), kind, with_sentence(name, statements))


def csv_layout(name: str, data: bytes) -> csv_file.Layout:
    """The columns of a CSV, and the mapping if they allow only one."""
    return with_sentence(name, lambda: csv_file.layout(decoded(data)))


def with_sentence(name: str, work: Callable[[], T]) -> T:
    """Do the work; `Unreadable` becomes `Refused` with the file's name and the line."""
    try:
        return work()
    except Unreadable as error:
        ending = "" if error.reason.endswith("?") else "."
        raise Refused(
            "bank_file_unreadable",
            f"{name}, line {error.line:,}: {error.reason}{ending} Nothing was imported.",
            facts={"line": error.line, "reason": error.reason},
        ) from None


def decoded(data: bytes) -> str:
    """The text, decoded as UTF-8 or UTF-16 (by byte-order mark or content), otherwise as Windows-1252."""
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if data.startswith(mark):
            return _as(data[len(mark) :], encoding)
    if data[:400].count(0) > len(data[:400]) // 4:
        return _as(data, "utf-16-le" if data[1:2] == b"\0" else "utf-16-be")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        if sum(byte > 0x7F for byte in data[:20_000]) > len(data[:20_000]) * 0.3:  # Western text has fewer accents
            raise Unreadable(
                1, "its encoding is not known (EBCDIC, or not a Western one); export it as UTF-8"
            ) from None
        text = data.decode("cp1252", errors="replace")
    unreadable = re.search(r"[\x00-\x08\x0e-\x1f]", text.rstrip("\x1a\x00"))  # DOS's end-of-file character is accepted
    if unreadable:
        line = text.count("\n", 0, unreadable.start()) + 1
        raise Unreadable(line, "this is not text; is the file damaged, or in an encoding such as EBCDIC")
    return text.rstrip("\x1a\x00")


def _as(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].decode(encoding, errors="ignore").count("\n") + 1
        raise Unreadable(line, f"the bytes are not {encoding.upper()}, which the file begins as") from None


def _is_xml(data: bytes) -> bool:
    head = data[:200].replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \r\n\t")
    return bool(re.match(rb"<\?xml|<[A-Za-z][\w.-]*:?(?:Document|BizMsgEnvlp)|<Document|<!DOCTYPE|<!--", head))


def _refuse_other_kinds(data: bytes) -> None:
    if not data.strip(b"\0 \r\n\t"):
        raise Unreadable(1, "the file is empty")
    if len(data) > MAX_BYTES:
        raise Unreadable(1, f"the file is larger than {MAX_BYTES // 1024 // 1024} MB; export a shorter period")
    kind = next((kind for mark, kind in _OTHER_KINDS.items() if data.startswith(mark)), None)
    if kind is None and _HTML.match(data):
        kind = "a web page"
    if kind:
        raise Unreadable(1, f"this is {kind}, not a bank statement; export CAMT.053, MT940, BAI2, OFX or CSV")
