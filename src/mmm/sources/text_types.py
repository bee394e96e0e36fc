"""What kind of values a column of texts holds: numbers, dates, or text.

A kind fits a column only when every value of the whole column can be read as that kind and nothing
is lost by it. A value that would change ("00123", "+49", more digits than a float64 holds, a date
that two formats read differently) keeps the column text. Names for a missing value ("NA", "null",
...) are read as null in columns that otherwise fit a kind; columns of text keep them, since "na"
may well be a level of a factor.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

#: Texts for "no value here", compared in lower case. The last ones are Excel's errors.
NULL_MARKERS = (
    *("na", "n/a", "nan", "-nan", "null", "none", "nil", "#n/a", "#na", "#n/a n/a", "<na>", "\\n"),
    *("#null!", "#div/0!", "#value!", "#ref!", "#name?", "#num!"),
)
_MARKERS = pa.array(NULL_MARKERS)
_BOOLS = pa.array(["true", "false", "TRUE", "FALSE", "True", "False"])
#: float64 holds every decimal number of up to 15 significant digits.
_SAFE_DIGITS = 15
_SMALLEST_NORMAL = np.finfo(np.float64).smallest_normal
_ZERO, _NINE, _MINUS, _PLUS = b"09-+"
_NUMBER_LIKE = r"^\s*[+-]?[\d.,]*\d[\d.,]*([eE][+-]?\d+)?\s*$"
_DATE_LIKE = r"^\s*\d{1,4}[./-]\d{1,2}[./-]\d{1,4}\s*$"


class Misfit(ValueError):
    """Some value of a column cannot be read as a kind without loss."""


@dataclass(frozen=True)
class Kind:
    """One kind of values. `read` turns texts (string array) into an array of `type` or raises
    Misfit.

    `decisive`, where given, tells whether texts can be read as this kind only; a column without one
    decisive value in all its rows stays text, and `otherwise` says what else it could have been.
    """

    name: str
    type: pa.DataType
    read: Callable[[pa.StringArray], pa.Array]
    decisive: Callable[[pa.StringArray, pa.Array], bool] | None = None
    otherwise: str = ""


def convert(kind: Kind, texts: pa.StringArray) -> tuple[pa.Array, Counter[str]]:
    """Read texts as a kind; also count the null markers met. Raises Misfit."""
    if kind in (TEXT, EMPTY):
        return kind.read(texts), Counter()
    try:
        return kind.read(texts), Counter()
    except Misfit:
        # Blanks around a value and markers are rare: only a column that does not fit as it stands
        # is searched.
        trimmed = pc.utf8_trim_whitespace(texts)
        marked = pc.is_in(pc.utf8_lower(trimmed), _MARKERS)
        markers = Counter(
            {v["values"]: v["counts"] for v in pc.value_counts(trimmed.filter(marked)).to_pylist()}
        )
        blank = pc.or_kleene(marked, pc.equal(trimmed, ""))
        return kind.read(pc.if_else(blank, pa.scalar(None, pa.string()), trimmed)), markers


def markers_note(column: str, markers: Counter[str]) -> str:
    """The sentence that says how many cells of a column were read as empty, and what stood in them."""
    found = ", ".join(f"{count} x {text!r}" for text, count in sorted(markers.items()))
    cells = "1 cell was" if markers.total() == 1 else f"{markers.total()} cells were"
    return f"Column {column!r}: {cells} read as empty ({found})."


def first_misfit(kind: Kind, texts: pa.StringArray) -> int:
    """Position of the first value that does not fit, found by halving; some value must not fit."""
    low, high = 0, len(texts)
    while high - low > 1:
        middle = (low + high) // 2
        if fits(kind, texts.slice(low, middle - low)):
            low = middle
        else:
            high = middle
    return low


def fits(kind: Kind, texts: pa.StringArray) -> bool:
    try:
        convert(kind, texts)
    except Misfit:
        return False
    return True


def kind_of(texts: pa.StringArray, decimal: str | None = None) -> Kind:
    """The narrowest kind that fits all texts. `decimal` ("." or ",") excludes numbers with the
    other mark.
    """
    unique = pc.unique(texts)
    excluded = {".": FLOAT_COMMA, ",": FLOAT}.get(decimal or "")
    return next(kind for kind in KINDS if kind is not excluded and fits(kind, unique))


def why_text(texts: pa.StringArray, decimal: str | None = None) -> str:
    """Why a column of texts that look like numbers or dates is kept as text; empty when they do not
    look like it.
    """
    unique = pc.drop_null(pc.unique(texts))
    if not len(unique):
        return ""
    if pc.all(pc.match_substring_regex(unique, _NUMBER_LIKE)).as_py():
        odd = (text for text in unique.to_pylist() if kind_of(pa.array([text]), decimal) is TEXT)
        if (example := next(odd, None)) is None:
            return f"its numbers are written in different ways, such as {unique[0].as_py()!r} and {unique[-1].as_py()!r}"
        return (
            f"values such as {example!r} would change if they were read as numbers (leading zeros, a plus sign, "
            "thousands separators, another decimal mark, or more digits than a number holds)"
        )
    if pc.all(pc.match_substring_regex(unique, _DATE_LIKE)).as_py():
        return (
            f"dates such as {unique[0].as_py()!r} have no single format; write dates as YYYY-MM-DD"
        )
    return ""


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
        self._data = (
            np.frombuffer(data, np.uint8)
            if data is not None and data.size
            else np.zeros(1, np.uint8)
        )
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


def _read_float_comma(texts: pa.StringArray) -> pa.Array:
    if pc.any(pc.match_substring(texts, "."), min_count=0).as_py():
        raise Misfit("a decimal point")
    return _read_float(pc.replace_substring(texts, ",", "."))


def _no_thousands(mark: str) -> Callable[[pa.StringArray, pa.Array], bool]:
    """Whether a mark in some text must be the decimal one: "1,5" is decimal, "1,234" may be a
    thousand.
    """
    grouped = rf"^\s*-?[1-9]\d{{0,2}}\{mark}\d{{3}}\s*$"

    def decisive(texts: pa.StringArray, _: pa.Array) -> bool:
        marked = texts.filter(pc.match_substring(texts, mark))
        return not pc.all(pc.match_substring_regex(marked, grouped), min_count=0).as_py()

    return decisive


def _read_as(kind: pa.DataType) -> Callable[[pa.StringArray], pa.Array]:
    return lambda texts: _cast(texts, kind)


def _read_dates(pattern: str) -> Callable[[pa.StringArray], pa.Array]:
    """Dates of another format than ISO's; each distinct text is read once."""

    def read(texts: pa.StringArray) -> pa.Array:
        encoded = texts.dictionary_encode()
        parts = pc.extract_regex(encoded.dictionary, pattern)
        if parts.null_count > encoded.dictionary.null_count:
            raise Misfit("another date format")
        year, month, day = (pc.struct_field(parts, name) for name in "ymd")
        iso = pc.binary_join_element_wise(
            year, pc.utf8_lpad(month, 2, padding="0"), pc.utf8_lpad(day, 2, padding="0"), "-"
        )
        return _cast(iso, pa.date32()).take(encoded.indices)

    return read


def _day_beyond_12(_: pa.StringArray, dates: pa.Array) -> bool:
    return (pc.max(pc.day(dates)).as_py() or 0) > 12


def _dates(name: str, pattern: str, *, ambiguous: str = "") -> Kind:
    read = _read_dates(pattern)
    return Kind(f"date {name}", pa.date32(), read, _day_beyond_12 if ambiguous else None, ambiguous)


_DAY, _MONTH, _YEAR = r"(?P<d>\d{1,2})", r"(?P<m>\d{1,2})", r"(?P<y>\d{4})"
_EITHER = "dates whose day and month could be exchanged; write dates as YYYY-MM-DD"

EMPTY = Kind("empty", pa.null(), _read_empty)
BOOL = Kind("true/false", pa.bool_(), _read_bool)
INT = Kind("integer", pa.int64(), _read_int)
FLOAT = Kind("number", pa.float64(), _read_float)
FLOAT_COMMA = Kind(
    "number with decimal comma",
    pa.float64(),
    _read_float_comma,
    _no_thousands(","),
    "a decimal comma or a thousands separator; say which by giving the decimal mark",
)
DATE = Kind("date", pa.date32(), _read_as(pa.date32()))
TEXT = Kind("text", pa.string(), lambda texts: texts)
#: Narrowest first: the first kind that fits all values is a column's kind.
KINDS = (
    *(EMPTY, BOOL, INT, FLOAT, FLOAT_COMMA, DATE),
    Kind("timestamp", pa.timestamp("us"), _read_as(pa.timestamp("us"))),
    Kind("timestamp", pa.timestamp("ns"), _read_as(pa.timestamp("ns"))),
    Kind("timestamp with zone", pa.timestamp("us", "UTC"), _read_as(pa.timestamp("us", "UTC"))),
    _dates("DD.MM.YYYY", rf"^{_DAY}\.{_MONTH}\.{_YEAR}$"),
    _dates("YYYY/MM/DD", rf"^{_YEAR}/{_MONTH}/{_DAY}$"),
    _dates("DD/MM/YYYY", rf"^{_DAY}/{_MONTH}/{_YEAR}$", ambiguous=_EITHER),
    _dates("MM/DD/YYYY", rf"^{_MONTH}/{_DAY}/{_YEAR}$", ambiguous=_EITHER),
    _dates("DD-MM-YYYY", rf"^{_DAY}-{_MONTH}-{_YEAR}$", ambiguous=_EITHER),
    _dates("MM-DD-YYYY", rf"^{_MONTH}-{_DAY}-{_YEAR}$", ambiguous=_EITHER),
    TEXT,
)
#: Numbers with a decimal point are in doubt only in a file that also has decimal commas.
point_is_decimal = _no_thousands(".")
