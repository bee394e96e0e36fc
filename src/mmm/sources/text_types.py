"""What kind of values a column of texts holds: numbers, dates, or text.

A kind fits a column only when every value of the whole column can be read as that kind and nothing
is lost by it. A value that would change ("00123", "+49", more digits than a float64 holds) keeps the
column text. Names for a missing value ("NA", "-", "k.A.", ...) are read as null in columns that
otherwise fit a kind; columns of text keep them, since "na" may well be a level of a factor. Kinds
that read the same texts differently ("1.234", "01/02/2024") carry the mark or order they stand for;
`mmm.sources.evidence` decides between them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mmm.sources.written_dates import FORMATS, INTEGER_FORMATS, Format
from mmm.sources.written_numbers import CURRENCY, Mark, plain_numbers

#: Texts for "no value here", compared in lower case. The last ones are Excel's errors.
NULL_MARKERS = (
    *("na", "n/a", "nan", "-nan", "null", "none", "nil", "#n/a", "#na", "#n/a n/a", "<na>", "\\n"),
    *("-", "--", "---", "\u2013", "\u2014", "\u2212", ".", "..", "...", "?", "n.a.", "n.a", "n.v."),
    *("k.a.", "k. a.", "k.a", "keine angabe", "entf\u00e4llt", "n.d.", "nd", "n/d", "n.d", "s/d"),
    *(
        "brak",
        "b.d.",
        "bd",
        "saknas",
        "ingen",
        "geen",
        "aucun",
        "aucune",
        "ninguno",
        "nessuno",
        "keine",
    ),
    *("kein", "leer", "empty", "not available", "no data", "sin datos", "nicht verf\u00fcgbar"),
    *("s.d.", "nc", "n.c.", "n/v", "nvt", "n.v.t.", "missing", "(blank)", "(null)", "(leer)"),
    *("#null!", "#div/0!", "#value!", "#ref!", "#name?", "#num!", "#wert!", "#bezug!", "#nv"),
    *("#zahl!", "#valeur!", "#\u00a1div/0!", "#\u00a1valor!", "#n/d", "#valor!", "#spill!"),
)
_MARKERS = pa.array(NULL_MARKERS)
#: An accountant's none: a dash beside a currency, "€ -", "$ (-)", "R$ -" and "- kr".
_BLANK = r"[\s\x{00a0}\x{202f}]*"
_DASH_OF_MONEY = (
    rf"(?i)^{_BLANK}\(?(?:{CURRENCY})?{_BLANK}\(?[-\x{{2013}}\x{{2014}}]\)?"
    rf"{_BLANK}(?:{CURRENCY})?\)?$"
)
_BOOLS = pa.array(["true", "false", "TRUE", "FALSE", "True", "False"])
#: float64 holds every decimal number of up to 15 significant digits.
_SAFE_DIGITS = 15
_SMALLEST_NORMAL = np.finfo(np.float64).smallest_normal
_ZERO, _NINE, _MINUS, _PLUS = b"09-+"
_NUMBER_LIKE = r"^\s*[+-]?[\d.,]*\d[\d.,]*([eE][+-]?\d+)?\s*$"
_MOST_LOOKED_AT = 2_000
_DATE_LIKE = r"^\s*\d{1,4}[./-]\d{1,2}[./-]\d{1,4}\s*$"


class Misfit(ValueError):
    """Some value of a column cannot be read as a kind without loss."""


@dataclass(frozen=True)
class Kind:
    """One kind of values. `read` turns texts (string array) into an array of `type` or raises
    Misfit.

    `mark` is the decimal mark a number kind goes by, `format` how a date kind is written.
    """

    name: str
    type: pa.DataType
    read: Callable[[pa.StringArray], pa.Array]
    mark: str = ""
    format: Format | None = None

    @property
    def is_number(self) -> bool:
        return bool(self.mark) or self.name == "integer"

    @property
    def is_date(self) -> bool:
        return pa.types.is_date(self.type) or pa.types.is_timestamp(self.type)


def convert(
    kind: Kind, texts: pa.StringArray, missing: Sequence[str] = ()
) -> tuple[pa.Array, Counter[str]]:
    """Read texts as a kind; also count the null markers met (`missing` are more, in lower case).
    Raises Misfit.
    """
    if kind in (TEXT, EMPTY):
        return kind.read(texts), Counter()
    try:
        return kind.read(texts), Counter()
    except Misfit:
        # Blanks around a value and markers are rare: only a column that does not fit as it stands
        # is searched.
        cleaned, marked = _without_markers(texts, missing)
        markers = Counter({v["values"]: v["counts"] for v in pc.value_counts(marked).to_pylist()})
        return kind.read(cleaned), markers


def _without_markers(
    texts: pa.StringArray, missing: Sequence[str]
) -> tuple[pa.StringArray, pa.StringArray]:
    """(the texts without blanks around them, null where they stand for no value; these texts)."""
    trimmed = pc.utf8_trim_whitespace(texts)
    marked = _marked(trimmed, missing)
    blank = pc.or_kleene(marked, pc.equal(trimmed, ""))
    return pc.if_else(blank, pa.scalar(None, pa.string()), trimmed), trimmed.filter(marked)


def _marked(trimmed: pa.StringArray, missing: Sequence[str]) -> pa.BooleanArray:
    """Which texts stand for no value."""
    known = pa.concat_arrays([_MARKERS, pa.array(list(missing), pa.string())])
    marked = pc.is_in(pc.utf8_lower(trimmed), known)
    return pc.or_(marked, pc.match_substring_regex(trimmed, _DASH_OF_MONEY).fill_null(False))


def is_marker(text: str, missing: Sequence[str] = ()) -> bool:
    """Whether a text stands for no value."""
    return bool(_marked(pa.array([text.strip()]), missing)[0].as_py())


def markers_note(column: str, markers: Counter[str]) -> str:
    """The sentence that says how many cells of a column were read as empty, and what stood in them."""
    found = ", ".join(f"{count} x {text!r}" for text, count in sorted(markers.items()))
    cells = "1 cell was" if markers.total() == 1 else f"{markers.total()} cells were"
    return f"Column {column!r}: {cells} read as empty ({found})."


def first_misfit(kind: Kind, texts: pa.StringArray, missing: Sequence[str] = ()) -> int:
    """Position of the first value that does not fit, found by halving; some value must not fit."""
    low, high = 0, len(texts)
    while high - low > 1:
        middle = (low + high) // 2
        if fits(kind, texts.slice(low, middle - low), missing):
            low = middle
        else:
            high = middle
    return low


def fits(kind: Kind, texts: pa.StringArray, missing: Sequence[str] = ()) -> bool:
    try:
        convert(kind, texts, missing)
    except Misfit:
        return False
    return True


def kind_of(texts: pa.StringArray, kinds: Sequence[Kind] = (), missing: Sequence[str] = ()) -> Kind:
    """The narrowest of the kinds (all of them where none is given) that fits all texts, else TEXT."""
    unique = pc.unique(texts)
    cleaned: pa.StringArray | None = None
    for kind in kinds or KINDS:
        try:
            kind.read(unique)
            return kind
        except Misfit:
            if kind in (TEXT, EMPTY):
                continue
        if cleaned is None:
            cleaned = _without_markers(unique, missing)[0]
        try:
            kind.read(cleaned)
            return kind
        except Misfit:
            continue
    return TEXT


def odd_numbers(texts: pa.StringArray, missing: Sequence[str] = ()) -> list[str]:
    """The distinct texts that keep a column of mostly numbers from being one, most frequent first;
    empty for a column of which less than half of the distinct texts are numbers.
    """
    counts = pc.value_counts(texts.drop_null()).to_pylist()
    odd = [(item["counts"], item["values"]) for item in counts if not _is_number(item["values"])]
    odd = [(count, text) for count, text in odd if not is_marker(text, missing)]
    if not odd or len(odd) * 2 > len(counts):
        return []
    return [text for _, text in sorted(odd, key=lambda pair: -pair[0])]


def _is_number(text: str) -> bool:
    value = pa.array([text.strip()])
    return any(fits(kind, value) for kind in KINDS if kind.is_number)


def why_text(texts: pa.StringArray, kinds: Sequence[Kind] = ()) -> str:
    """Why a column of texts that look like numbers or dates is kept as text; empty when they do not
    look like it.
    """
    unique = pc.drop_null(pc.unique(texts))
    if not len(unique):
        return ""
    if why := _why_no_dates(unique.to_pylist()):
        return why
    if pc.all(pc.match_substring_regex(unique, _NUMBER_LIKE)).as_py():
        odd = (text for text in unique.to_pylist() if kind_of(pa.array([text]), kinds) is TEXT)
        if (example := next(odd, None)) is None:
            return f"its numbers are written in different ways, such as {unique[0].as_py()!r} and {unique[-1].as_py()!r}"
        return (
            f"values such as {example!r} would change if they were read as numbers (leading zeros, a plus sign, "
            "uneven thousands marks, another decimal mark, or more digits than a number holds)"
        )
    if pc.all(pc.match_substring_regex(unique, _DATE_LIKE)).as_py():
        first = unique[0].as_py()
        return f"dates such as {first!r} have no single format; write dates as YYYY-MM-DD"
    return ""


def _why_no_dates(texts: Sequence[str]) -> str:
    """The format that most of the texts have, and those that have another or are no date."""
    usual, odd = usual_format(texts)
    if usual is None or not odd:
        return ""
    named = ", ".join(map(repr, odd[:3])) + (f" and {len(odd) - 3} more" if len(odd) > 3 else "")
    return (
        f"most of its dates are written {usual.name}, but not {named}; "
        "correct the cells, or name texts that mean no value (--missing)"
    )


def usual_format(texts: Sequence[str]) -> tuple[Format | None, list[str]]:
    """(the date format that at least half of these texts have, the texts that it cannot read);
    None where there is none. At most 2,000 texts are looked at.
    """
    looked_at = texts[:_MOST_LOOKED_AT]
    unread = {}
    for form in FORMATS:
        if any(form.read(text) for text in looked_at[:3]):
            unread[form] = [text for text in looked_at if form.read(text) is None]
    usual = min(unread, key=lambda form: len(unread[form]), default=None)
    if usual is None or len(unread[usual]) * 2 > len(looked_at):
        return None, []
    return usual, unread[usual]


def _cast(texts: pa.StringArray, kind: pa.DataType) -> pa.Array:
    try:
        return pc.cast(texts, kind)
    except pa.ArrowInvalid as error:
        raise Misfit(str(error)) from None


class _Characters:
    """Lengths and leading characters of texts, taken from the Arrow buffers without copying the
    texts.
    """

    def __init__(self, texts: pa.StringArray) -> None:
        offsets = np.zeros(1, np.int32)
        if len(texts):
            offsets = np.frombuffer(texts.buffers()[1], np.int32)[
                texts.offset : texts.offset + len(texts) + 1
            ]
        self._starts = offsets[:-1]
        self.lengths = np.diff(offsets)
        data = texts.buffers()[2]
        self._data = np.zeros(1, np.uint8)
        if data is not None and data.size:
            self._data = np.frombuffer(data, np.uint8)
        first = self._at(self._starts)
        self.plus = (first == _PLUS) & (self.lengths > 0)
        signs = (first == _MINUS) & (self.lengths > 0)
        self.lead = self._at(self._starts + signs)
        self.second = self._at(self._starts + signs + 1)
        self.digits = self.lengths - signs

    def _at(self, positions: np.ndarray) -> np.ndarray:
        return self._data[np.minimum(positions, len(self._data) - 1)]

    def require_plain_numbers(self) -> None:
        """Refuse leading zeros ("00123", "0x1F") and plus signs ("+49"): they mark ids and phone
        numbers.
        """
        leading_zero = (self.lead == _ZERO) & (self.digits > 1) & (self.second >= _ZERO)
        exponent = (self.second == ord("e")) | (self.second == ord("E"))
        if (leading_zero & ~exponent).any() or self.plus.any():
            raise Misfit("leading zero or plus sign")


def _read_empty(texts: pa.StringArray) -> pa.Array:
    if texts.null_count < len(texts):
        raise Misfit("not empty")
    return pa.nulls(len(texts))


def _read_bool(texts: pa.StringArray) -> pa.Array:
    if not pc.all(pc.is_in(texts.drop_null(), _BOOLS), min_count=0).as_py():
        raise Misfit("not true or false")
    return pc.cast(texts, pa.bool_())


def _read_int(texts: pa.StringArray) -> pa.Array:
    array = _cast(texts, pa.int64())
    characters = _Characters(texts)
    characters.require_plain_numbers()
    if ((characters.lead == _ZERO) & (characters.lengths > 1)).any():
        raise Misfit("negative zero is no integer")
    return array


def _read_float(texts: pa.StringArray) -> pa.Array:
    array = _cast(texts, pa.float64())
    characters = _Characters(texts)
    characters.require_plain_numbers()
    values = array.fill_null(1.0).to_numpy(zero_copy_only=False)
    finite = np.isfinite(values)
    if not finite.all():
        word = characters.lead > _NINE
        if (np.isnan(values) | (~finite & ~word)).any():
            raise Misfit("not a number, or too large for one")
    # Shortest digits first: pandas and R write full-precision floats so, and comparing is far
    # cheaper than decimals.
    doubtful = (characters.lengths > _SAFE_DIGITS) & finite
    if doubtful.any():
        chosen = pa.array(doubtful)
        written = texts.filter(chosen)
        other = pc.not_equal(pc.cast(array.filter(chosen), pa.string()), written)
        _require_exact(written.filter(other))
    tiny = np.abs(values) < _SMALLEST_NORMAL
    if tiny.any():
        _require_exact(pc.unique(texts.filter(pa.array(tiny))))
    return array


def _require_exact(texts: pa.StringArray) -> None:
    """Refuse numbers whose digits a float64 does not give back when it is written with as many
    digits.
    """
    for text in texts.to_pylist():
        number, value = Decimal(text), float(text)
        if number != Decimal(
            f"{value:.{len(number.as_tuple().digits) - 1}e}"
        ) and number != Decimal(repr(value)):
            raise Misfit(f"{text} has more digits than a float64")


def _read_written(mark: Mark, kind: pa.DataType) -> Callable[[pa.StringArray], pa.Array]:
    """Numbers with thousands marks, currency signs and the like."""

    def read(texts: pa.StringArray) -> pa.Array:
        plain = plain_numbers(texts, mark)
        if plain is None:
            raise Misfit("not a number with this decimal mark")
        if kind == pa.int64():
            return _read_int(plain)
        return _read_float(plain)

    return read


def _read_as(kind: pa.DataType) -> Callable[[pa.StringArray], pa.Array]:
    return lambda texts: _cast(texts, kind)


def date_kind(form: Format) -> Kind:
    """The kind of one format; each distinct text is read once."""
    single = lru_cache(maxsize=100_000)(form.read)
    kind = pa.timestamp("us") if form.span == "time" else pa.date32()

    def read(texts: pa.StringArray) -> pa.Array:
        encoded = texts.dictionary_encode()
        days = []
        for text in encoded.dictionary.to_pylist():
            day = None if text is None else single(text)
            if day is None and text is not None:
                raise Misfit("another date format")
            days.append(day)
        return pa.array(days, kind).take(encoded.indices)

    return Kind(f"date {form.name}", kind, read, format=form)


def _read_zoned(texts: pa.StringArray) -> pa.Array:
    """Moments; "2022-01-03 00:00:00 UTC" and "... +0200" as databases print them too."""
    kind = pa.timestamp("us", "UTC")
    try:
        return _cast(texts, kind)
    except Misfit:
        plain = pc.replace_substring_regex(texts, r"\s*(?:UTC|GMT|[Zz])\s*$", "Z")
        return _cast(pc.replace_substring_regex(plain, r"\s+([+-]\d{2}:?\d{2})$", r"\1"), kind)


def _read_local_days(texts: pa.StringArray) -> pa.Array:
    """Midnights with an offset as the calendar days they were written as."""
    local = pc.replace_substring_regex(texts, OFFSET, "")
    return _cast(local, pa.timestamp("us")).cast(pa.date32())


def _read_local_times(texts: pa.StringArray) -> pa.Array:
    return _cast(pc.replace_substring_regex(texts, OFFSET, ""), pa.timestamp("us"))


#: What stands behind a time that says its distance to UTC.
OFFSET = r"\s*(?:UTC|GMT|[Zz]|[+-]\d{2}(?::?\d{2})?)$"

EMPTY = Kind("empty", pa.null(), _read_empty)
BOOL = Kind("true/false", pa.bool_(), _read_bool)
INT = Kind("integer", pa.int64(), _read_int)
FLOAT = Kind("number", pa.float64(), _read_float, ".")
WRITTEN = (
    Kind("whole number as written", pa.int64(), _read_written(".", pa.int64()), "."),
    Kind("number as written", pa.float64(), _read_written(".", pa.float64()), "."),
    Kind("whole number as written, comma", pa.int64(), _read_written(",", pa.int64()), ","),
    Kind("number with decimal comma", pa.float64(), _read_written(",", pa.float64()), ","),
)
DATE = Kind("date", pa.date32(), _read_as(pa.date32()))
ZONED = Kind("timestamp with zone", pa.timestamp("us", "UTC"), _read_zoned)
LOCAL_DAYS = Kind("local day", pa.date32(), _read_local_days)
LOCAL_TIMES = Kind("local time", pa.timestamp("us"), _read_local_times)
TEXT = Kind("text", pa.string(), lambda texts: texts)
DATES = tuple(date_kind(form) for form in FORMATS)
INTEGER_DATES = tuple(date_kind(form) for form in INTEGER_FORMATS)
#: Narrowest first: the first kind that fits all values is a column's kind.
KINDS = (
    *(EMPTY, BOOL, INT, FLOAT, DATE),
    Kind("timestamp", pa.timestamp("us"), _read_as(pa.timestamp("us"))),
    Kind("timestamp", pa.timestamp("ns"), _read_as(pa.timestamp("ns"))),
    ZONED,
    *WRITTEN,
    *DATES,
    TEXT,
)
