"""A delimited text file as pieces of whole records: encodings, quotes, line numbers, and the
separator.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from mmm.errors import UserError
from mmm.sources.header import Header, find_header
from mmm.sources.loose_quotes import loosened, tightened
from mmm.sources.reading import ReadOptions

WINDOWS_NOTE = "The file is not UTF-8; it was read as Windows-1252."
SEPARATORS = (",", ";", "\t", "|")
_BLOCK = 4 << 20
_LONGEST_RECORD = 64 << 20
_SNIFFED = 256 << 10
#: So many of the first records are looked at for the header.
_HEADER_RECORDS = 100
_QUOTE = ord('"')
# Python's reader refuses fields of more than 128 KiB; longer ones are a matter of the record's limit.
csv.field_size_limit(_LONGEST_RECORD)
_BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


@dataclass(frozen=True)
class Piece:
    """Whole records as UTF-8; `line` is the file's line (from 1) on which the first one starts."""

    data: bytes
    line: int


@dataclass(frozen=True)
class Layout:
    """How a file is written. `encoding` None means: UTF-8 unless the bytes say Windows-1252.
    `header_end` is in bytes of the text without its byte order mark, as UTF-8 where `encoding` is
    given. `header_rows` are the lines of the column names (from 1), `skipped` what stood above.
    """

    encoding: str | None
    separator: str
    newline: bytes
    names: tuple[str, ...]
    header_end: int
    header_lines: int
    header_rows: tuple[int, ...] = (1,)
    skipped: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    #: Whether quotes stand after blanks (`mmm.sources.loose_quotes`).
    loose: bool = False


def read_layout(path: Path, options: ReadOptions) -> Layout:
    """Find encoding, separator and header in the file's beginning; what is given is not searched."""
    size = _SNIFFED
    while True:
        with path.open("rb") as file:
            head = file.read(size)
        whole = len(head) < size
        layout = _layout_of(head, whole, path, options)
        if layout is not None:
            return layout
        if size >= _LONGEST_RECORD:
            raise UserError(
                f"its first line is longer than {_LONGEST_RECORD >> 20} MB.",
                where=path.name,
                fix="Give a separator, or export the table again.",
            )
        size *= 8


def _layout_of(head: bytes, whole: bool, path: Path, options: ReadOptions) -> Layout | None:
    """The layout as the file's beginning shows it; None where the header does not end in it."""
    encoding = options.encoding
    if encoding is None:
        encoding = _declared_encoding(head)
        if encoding is None and b"\0" in head:
            raise UserError(
                "is not a text file.",
                where=path.name,
                fix="Export the table as CSV, Parquet or Excel (.xlsx).",
            )
    else:
        encoding = _known_encoding(encoding, path)
        if (declared := _declared_encoding(head)) and encoding.startswith(
            declared.removesuffix("-sig")
        ):
            encoding = declared  # the same, but skipping the byte order mark
    data = head if encoding is None else _decode_head(head, encoding)
    newline = b"\n" if b"\n" in data or b"\r" not in data else b"\r"
    text = data.decode(
        "utf-8" if _is_utf8(data, whole) else "cp1252", errors="replace" if whole else "ignore"
    )
    text = text.removeprefix("\ufeff")
    skipped, declared = _separator_line(text)
    separator = options.separator or declared or _sniff(text[skipped:], whole)
    first = 1 if skipped else 0
    tight = loosened(text[skipped:], separator)
    found = _header(tight, separator, path, whole, options, first)
    if found is None:
        return None
    header, ends, rows = found
    lines = ends[header.end - 1] + first if ends else 1
    end = 0
    for _ in range(lines):
        place = data.find(newline, end)
        end = place + 1 if place >= 0 else len(data)
    starts = [1, *(last + 1 for last in ends)]
    header_rows = tuple(starts[row] + first for row in header.rows)
    above = tuple(
        f"line {starts[row] + first}: {' '.join(filter(None, rows[row]))[:80]}"
        for row in header.skipped
    )
    notes = _header_notes(header, header_rows, above)
    return Layout(
        encoding,
        separator,
        newline,
        header.names,
        end,
        lines,
        header_rows,
        above,
        header.units,
        notes,
        loose=tight != text[skipped:],
    )


def _header_notes(header: Header, rows: tuple[int, ...], above: tuple[str, ...]) -> tuple[str, ...]:
    found = []
    if above:
        found.append(
            f"The header is line {rows[-1]}; what stands above it was left out ({'; '.join(above)})."
        )
    if len(rows) > 1:
        found.append(f"The header has {len(rows)} rows, which were joined.")
    if header.units:
        found.append("The row below the header holds units; it was left out of the data.")
    return tuple(found)


def _declared_encoding(head: bytes) -> str | None:
    for bom, encoding in _BOMS.items():
        if head.startswith(bom):
            return encoding
    # UTF-16 without a byte order mark: every other byte of western text is zero.
    even, odd = head[0:4000:2], head[1:4000:2]
    if len(odd) > 1 and odd.count(0) > 0.7 * len(odd) and not even.count(0):
        return "utf-16-le"
    if len(even) > 1 and even.count(0) > 0.7 * len(even) and not odd.count(0):
        return "utf-16-be"
    return None


def _known_encoding(encoding: str, path: Path) -> str:
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        raise UserError(
            f"the encoding {encoding!r} is not known.",
            where=path.name,
            fix="Try utf-8, utf-16 or windows-1252.",
        ) from None


def _decode_head(head: bytes, encoding: str) -> bytes:
    return codecs.getincrementaldecoder(encoding)("replace").decode(head).encode()


def _is_utf8(data: bytes, whole: bool) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data, final=whole)
    except UnicodeDecodeError:
        return False
    return True


def _separator_line(text: str) -> tuple[int, str | None]:
    """Excel's own first line "sep=;": its length, and the separator it names."""
    first = text.split("\n", 1)[0].rstrip("\r")
    if first.lower().startswith("sep=") and len(first) == 5:
        return min(text.find("\n") + 1 or len(text), len(text)), first[4]
    return 0, None


def _sniff(text: str, whole: bool) -> str:
    """The separator under which most of the first records have as many fields as the header; where
    lines above the table hide the header, as many as each other.
    """
    best, best_score = ",", (0.0, 1)
    late, late_score = ",", (0.0, 1)
    for separator in SEPARATORS:
        read = _records(loosened(text, separator), separator)
        records = [record for record, _ in zip(read, range(200), strict=False)]
        if not whole and len(records) < 200:
            records = records[:-1] or records
        widths = Counter(len(record) for record in records)
        if not records or max(widths) < 2:
            continue
        width = len(records[0])
        score = (widths[width] / len(records), width)
        if width > 1 and score > best_score:
            best, best_score = separator, score
        usual = max((width for width in widths if width > 1), key=lambda size: widths[size])
        score = (widths[usual] / len(records), usual)
        if score > late_score:
            late, late_score = separator, score
    return best if best_score[0] >= _MOST_RECORDS else late


#: A separator that the first record speaks for is sure where this share of the records agree.
_MOST_RECORDS = 0.5


def _records(text: str, separator: str) -> Iterator[list[str]]:
    """Records as Python's own reader sees them, without blank lines; a field too long for it ends
    the records.
    """
    try:
        yield from (
            record
            for record in csv.reader(io.StringIO(text, newline=""), delimiter=separator)
            if record
        )
    except csv.Error:
        return


def _header(
    text: str, separator: str, path: Path, whole: bool, options: ReadOptions, before: int
) -> tuple[Header, list[int], list[list[str]]] | None:
    """(the header, the lines on which the first records end, these records); None where the header
    does not end in the text. `before` lines stand above it.
    """
    rows, ends = [], []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        for record in reader:
            rows.append(record)
            ends.append(reader.line_num)
            if len(rows) > _HEADER_RECORDS:
                break
    except csv.Error as error:
        raise UserError(f"the header cannot be read ({error}).", where=path.name) from None
    if not whole and len(rows) <= _HEADER_RECORDS:
        rows, ends = rows[:-1], ends[:-1]  # the text may end within its last record
        if not any(rows):
            return None
    first = None if options.header_row is None else options.header_row - 1 - before
    if first is not None:
        # A line of the file, as editors count, to the record that begins on it.
        first = next((i for i, last in enumerate(ends) if last >= first + 1), first)
    header = find_header(rows, first=first, count=options.header_rows, where=path.name)
    if not rows:
        return header, [], rows
    width = len(header.names)
    data = [row for row in rows[header.end :] if row]
    if data and all(len(row) == width + 1 and not row[-1].strip() for row in data):
        header = Header(
            (*header.names, ""), header.rows, header.end, header.skipped, header.units
        )  # every row ends with a separator, the header does not
    return header, ends, rows


def fields_of(text: str, separator: str) -> list[str]:
    """The fields of one record."""
    return next(_records(text, separator), [""])


def pieces(path: Path, layout: Layout, notes: list[str]) -> Iterator[Piece]:
    """The records after the header, in pieces of about 4 MB that end where a record ends.

    Adds a note when the file turns out to be Windows-1252. Raises UserError for bytes that are no
    text and for a quote that is never closed.
    """
    text = _Text(path, layout, notes)
    rest, line, skip = b"", 1, layout.header_end
    for block in text.blocks():
        data = rest + block
        if skip:
            if len(data) < skip:
                rest = data
                continue
            text.checked(data[:skip], 1)
            data, skip, line = data[skip:], 0, 1 + layout.header_lines
        if layout.loose:
            data = tightened(data, layout.separator)
        end = _last_record_end(data, layout)
        if not end and len(data) > _LONGEST_RECORD:
            if not _inside_quotes(data, len(data), layout):
                raise _too_long(path, line)
            raise _open_quote(path, data, line, layout)
        if end:
            yield Piece(text.checked(data[:end], line), line)
        line += data.count(layout.newline, 0, end)
        rest = data[end:]
    rest = rest[skip:]
    if rest:
        if _inside_quotes(rest, len(rest), layout):
            raise _open_quote(path, rest, line, layout)
        yield Piece(text.checked(rest, line), line)


class _Text:
    """A file's bytes as UTF-8."""

    def __init__(self, path: Path, layout: Layout, notes: list[str]) -> None:
        self._path, self._layout, self._notes = path, layout, notes
        #: None until the first byte beyond ASCII decides.
        self._found: str | None = layout.encoding

    def blocks(self) -> Iterator[bytes]:
        encoding = self._layout.encoding
        plain = encoding in (None, "utf-8", "utf-8-sig")
        decoder = None if plain else codecs.getincrementaldecoder(str(encoding))()
        line = 1
        with self._path.open("rb") as file:
            if file.read(3) != codecs.BOM_UTF8:
                file.seek(0)
            while block := file.read(_BLOCK):
                if decoder is None:
                    yield block
                    continue
                block = self._decoded(decoder, block, line)
                line += block.count(self._layout.newline)
                yield block
            if decoder is not None:
                yield self._decoded(decoder, b"", line, final=True)

    def _decoded(
        self, decoder: codecs.IncrementalDecoder, block: bytes, line: int, final: bool = False
    ) -> bytes:
        try:
            return decoder.decode(block, final).encode()
        except UnicodeDecodeError as error:
            before = error.object[: error.start].decode(error.encoding, errors="ignore").encode()
            line += before.count(self._layout.newline)
            raise self._undecodable(
                line, self._column(before), str(self._layout.encoding)
            ) from None

    def checked(self, data: bytes, line: int) -> bytes:
        """Data that is valid UTF-8; Windows-1252 is recognised when the first bytes beyond ASCII
        are not UTF-8.
        """
        if self._found == "cp1252" and self._layout.encoding is None:
            return self._from_windows(data, line)
        if data.isascii() or _valid(data):
            self._found = self._found or (None if data.isascii() else "utf-8")
            return data
        if self._found is None and not _mostly_utf8(data):
            self._found = "cp1252"
            self._notes.append(WINDOWS_NOTE)
            return self._from_windows(data, line)
        return self._strict(data, line, "utf-8")

    def _from_windows(self, data: bytes, line: int) -> bytes:
        return self._strict(data, line, "cp1252")

    def _strict(self, data: bytes, line: int, encoding: str) -> bytes:
        try:
            return data.decode(encoding).encode()
        except UnicodeDecodeError as error:
            before = data[: error.start]
            raise self._undecodable(
                line + before.count(self._layout.newline), self._column(before), encoding
            ) from None

    def _column(self, before: bytes) -> str:
        last = before.rsplit(self._layout.newline, 1)[-1].decode("latin-1")
        fields = next(_records(last, self._layout.separator), [""])
        names = self._layout.names
        if len(fields) <= len(names):
            return f", column {names[len(fields) - 1]!r}"
        return ""

    def _undecodable(self, line: int, column: str, encoding: str) -> UserError:
        return UserError(
            f"the bytes are not valid {encoding.upper()} text.",
            where=f"{self._path.name}, line {line}{column}",
            fix="Save the file as UTF-8, or give its encoding (for example windows-1252).",
        )


def _valid(data: bytes) -> bool:
    """Whether bytes are UTF-8; Arrow checks several times faster than Python and makes no copy."""
    offsets = pa.array([0, len(data)], pa.int64()).buffers()[1]
    text = pa.LargeStringArray.from_buffers(1, offsets, pa.py_buffer(data))
    try:
        text.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _mostly_utf8(data: bytes) -> bool:
    """Whether bytes look like damaged UTF-8 rather than like another encoding."""
    beyond = [c for c in data.decode("utf-8", errors="surrogateescape") if c > "\x7f"]
    broken = sum("\udc80" <= c <= "\udcff" for c in beyond)
    return len(beyond) - broken > broken


def _last_record_end(data: bytes, layout: Layout) -> int:
    """Where the last whole record of `data` ends; 0 when there is none. `data` starts with a
    record.
    """
    end = data.rfind(layout.newline) + 1
    if not end or _QUOTE not in data:
        return end
    toggles = _quote_toggles(data, layout)
    while end:
        before = int(np.searchsorted(toggles, end))
        if before % 2 == 0:
            return end
        end = data.rfind(layout.newline, 0, int(toggles[before - 1])) + 1
    return 0


def _inside_quotes(data: bytes, end: int, layout: Layout) -> bool:
    return bool(np.searchsorted(_quote_toggles(data, layout), end) % 2)


def _quote_toggles(data: bytes, layout: Layout) -> np.ndarray:
    """Positions of the quotes that open or close a quoted value, or that stand for one quote within
    it, in pairs.

    A quote opens a value only at a field's start; elsewhere ('55" TV') it is a character like any
    other.
    """
    codes = np.frombuffer(data, np.uint8)
    quotes = np.flatnonzero(codes == _QUOTE)
    starts_field = np.zeros(256, bool)
    starts_field[[ord(layout.separator), *b"\r\n"]] = True
    opening = quotes[::2]
    before = codes[np.maximum(opening - 1, 0)]
    # Taken in pairs, each first quote opens a value or follows its pair directly ("" within a
    # value): the usual case.
    if (starts_field[before] | (before == _QUOTE) | (opening == 0)).all():
        return quotes
    toggles, inside, i = [], False, 0
    places = quotes.tolist()
    while i < len(places):
        place = places[i]
        if inside and i + 1 < len(places) and places[i + 1] == place + 1:
            i += 2
            continue
        if inside or place == 0 or starts_field[data[place - 1]]:
            inside = not inside
            toggles.append(place)
        i += 1
    return np.array(toggles, np.int64)


def _open_quote(path: Path, data: bytes, line: int, layout: Layout) -> UserError:
    opened = int(_quote_toggles(data, layout)[-1])
    line += data.count(layout.newline, 0, opened)
    return UserError(
        "a value begins with a quote that is never closed.",
        where=f"{path.name}, line {line}",
        fix='Close the quote, or write a quote within a quoted value twice ("").',
    )


def _too_long(path: Path, line: int) -> UserError:
    return UserError(
        f"the line is longer than {_LONGEST_RECORD >> 20} MB.",
        where=f"{path.name}, line {line}",
        fix="Check that rows end with a line break and that this is a table.",
    )


def record_lines(piece: Piece, layout: Layout) -> list[int]:
    """The file's line on which each record of a piece starts; in a table of one column blank lines
    count too.
    """
    reader = csv.reader(io.StringIO(piece.data.decode(), newline=""), delimiter=layout.separator)
    lines, last = [], 0
    for fields in reader:
        if fields or len(layout.names) == 1:
            lines.append(piece.line + last)
        last = reader.line_num
    return lines


def line_of(piece: Piece, record: int, layout: Layout) -> int:
    """The file's line on which a record of a piece (from 0) starts."""
    lines = record_lines(piece, layout)
    return lines[record] if record < len(lines) else piece.line
