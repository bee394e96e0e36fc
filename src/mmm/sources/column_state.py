"""What is known of one column of texts while it is read: its kind so far, and what its values show.

Kinds are guessed from the first values; a later value that does not fit gives the column the next
kind that fits all values met so far. What the values show beyond that (does some text prove the
decimal mark? are there numbers without a thousands mark?) is gathered on the way, since only the
whole column, and then the whole file, decides what "1.234" means.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from mmm.sources.reading import As
from mmm.sources.text_types import (
    DATES,
    EMPTY,
    FLOAT,
    INT,
    INTEGER_DATES,
    KINDS,
    OFFSET,
    TEXT,
    WRITTEN,
    ZONED,
    Kind,
    Misfit,
    convert,
    first_misfit,
    kind_of,
)
from mmm.sources.written_numbers import Looks, Mark, looks

GUESS_FROM = 1000
#: Distinct texts of a column that are kept for deciding between date formats.
_MOST_SAMPLES = 20_000
_MOST_LOOKED_AT = 2_000
#: One mark with three digits behind it and up to three before: thousands or a decimal.
_EITHER = r"^[^0-9.,]*[1-9][0-9]{0,2}[.,][0-9]{3}[^0-9.,]*$"
_PLAIN = r"^[^0-9.,]*[0-9]+[^0-9.,]*$"
_PLAIN_LARGE = r"^[^0-9.,]*[1-9][0-9]{3,}[^0-9.,]*$"

#: A line's number, or in words where it lies ("5 of sheet '2024'").
Line = int | str
#: Text and the line it stands in.
Place = tuple[Line, str]
LineOf = Callable[[int], Line]

_NUMBERS = (INT, FLOAT, *WRITTEN)
_DATE_KINDS = tuple(kind for kind in KINDS if kind.is_date)
_ORDERS = {As.DAY_FIRST: "day", As.MONTH_FIRST: "month", As.YEAR_FIRST: "year"}


def kinds_for(said: As | None, decimal: str | None) -> tuple[Kind, ...]:
    """The kinds a column may have after what a person said; all of them where nothing was said."""
    if said is As.TEXT:
        return (TEXT,)
    if said in (As.WEEK, As.MONTH, As.SERIAL):
        return tuple(kind for kind in (*INTEGER_DATES, *DATES) if _is_span(kind, said))
    if said in (As.DATE, As.WEEK_ENDING):
        return (*INTEGER_DATES[:1], *_DATE_KINDS, *INTEGER_DATES[1:])
    if said in _ORDERS:
        order = _ORDERS[said]
        orders = {"", order}
        digits = tuple(k for k in INTEGER_DATES if k.format and k.format.order == order)
        return (
            *(k for k in _DATE_KINDS if k.format is None or k.format.order in orders),
            *digits,
        )
    mark = decimal
    if said:
        mark = {As.DECIMAL_POINT: ".", As.DECIMAL_COMMA: ","}.get(said, decimal)
    kinds = KINDS if said is None else (EMPTY, *_NUMBERS)
    if mark is None:
        return tuple(kinds)
    return tuple(kind for kind in kinds if kind.mark in ("", mark))


def _is_span(kind: Kind, said: As) -> bool:
    assert kind.format is not None  # noqa: S101 - the kinds asked about are dates
    if said is As.SERIAL:
        return "day number" in kind.format.name
    return kind.format.span == said


@dataclass
class Seen:
    """What one pass over a column has shown."""

    values: int = 0
    markers: Counter[str] = field(default_factory=Counter)
    #: The first text that only one decimal mark can read.
    proof: Place | None = None
    #: Texts that both marks can read: the first with each mark, and how many distinct ones.
    either: dict[str, Place] = field(default_factory=dict)
    either_texts: set[str] = field(default_factory=set)
    #: Whole numbers without any mark: the first of 1,000 and more, below, and 0.
    large: Place | None = None
    small: Place | None = None
    zero: Place | None = None
    looks: Looks = field(default_factory=Looks)
    #: Distinct texts of a column that may be dates, until they are too many.
    samples: dict[str, Line] | None = field(default_factory=dict)
    offsets: set[str] = field(default_factory=set)
    midnights: bool = True

    def look(self, kind: Kind, texts: pa.StringArray, line_of: LineOf) -> None:
        if kind.mark and self.proof is None:
            self._look_at_marks(texts, line_of)
        if kind in WRITTEN:
            head = pc.unique(texts).slice(0, _MOST_LOOKED_AT).drop_null().to_pylist()
            mark: Mark = "." if kind.mark == "." else ","
            found = looks([*head], mark)
            self.looks = self.looks.joined(found)
        if kind is ZONED:
            self._look_at_zones(texts)
        if self.samples is not None and (kind.format is not None or kind is INT):
            self._sample(kind, texts, line_of)

    def _look_at_marks(self, texts: pa.StringArray, line_of: LineOf) -> None:
        marked = pc.match_substring_regex(texts, r"[0-9].*[.,]|[.,].*[0-9]").fill_null(False)
        either = pc.match_substring_regex(texts, _EITHER).fill_null(False)
        proving = pc.and_(marked, pc.invert(either))
        self.proof = _first(texts, proving, line_of)
        if self.proof is not None:
            return
        for mark in (".", ","):
            if mark not in self.either:
                has = pc.and_(either, pc.match_substring(texts, mark).fill_null(False))
                if place := _first(texts, has, line_of):
                    self.either[mark] = place
        if len(self.either_texts) < _MOST_LOOKED_AT:
            self.either_texts.update(pc.unique(texts.filter(either)).to_pylist())
        plain = pc.match_substring_regex(texts, _PLAIN).fill_null(False)
        zero = pc.match_substring_regex(texts, r"^[^0-9]*0[^0-9]*$").fill_null(False)
        large = pc.match_substring_regex(texts, _PLAIN_LARGE).fill_null(False)
        self.large = self.large or _first(texts, large, line_of)
        self.zero = self.zero or _first(texts, pc.and_(plain, zero), line_of)
        below = pc.and_(plain, pc.invert(pc.or_(zero, large)))
        self.small = self.small or _first(texts, below, line_of)

    def _look_at_zones(self, texts: pa.StringArray) -> None:
        unique = pc.unique(texts).drop_null()
        local = pc.utf8_trim_whitespace(pc.replace_substring_regex(unique, OFFSET, ""))
        offsets = pc.unique(pc.extract_regex(unique, rf"(?P<o>{OFFSET})").field("o"))
        self.offsets |= {text.strip() for text in offsets.drop_null().to_pylist()}
        midnight = pc.match_substring_regex(local, r"[ T]00:00(:00(\.0+)?)?$")
        self.midnights &= bool(pc.all(midnight, min_count=0).as_py())

    def _sample(self, kind: Kind, texts: pa.StringArray, line_of: LineOf) -> None:
        assert self.samples is not None  # noqa: S101 - asked before
        if kind is INT and not _may_be_dates(texts):
            self.samples = None
            return
        distinct = pc.unique(texts).drop_null().to_pylist()
        fresh = [text for text in distinct if text not in self.samples]
        if len(self.samples) + len(fresh) > _MOST_SAMPLES:
            self.samples = None
            return
        if not fresh:
            return
        first: dict[str, int] = {}
        for row, text in enumerate(texts.to_pylist()):
            first.setdefault(text, row)
        for text in fresh:
            self.samples[text] = line_of(first[text])


def _may_be_dates(texts: pa.StringArray) -> bool:
    """Whether nearly all whole numbers have as many digits as a date has: five, six or eight, or
    ten or thirteen as seconds and milliseconds since 1970 have.
    """
    here = texts.drop_null().slice(0, GUESS_FROM)
    if not len(here):
        return True
    long = pc.match_substring_regex(here, r"^\s*(\d{5,6}|\d{8}|\d{10}|\d{13})\s*$").cast(pa.uint8())
    return bool(pc.mean(long).as_py() >= 0.9)


def _first(texts: pa.StringArray, chosen: pa.BooleanArray, line_of: LineOf) -> Place | None:
    position = pc.index(chosen, True).as_py()
    if position < 0:
        return None
    return (line_of(position), texts[position].as_py())


@dataclass
class Column:
    """One column's state. `witnesses` are the texts its kind was chosen by; `seen` covers one
    pass.
    """

    name: str
    kinds: tuple[Kind, ...] = KINDS
    said: As | None = None
    missing: tuple[str, ...] = ()
    #: The texts stand beside cells that hold numbers or dates (Excel).
    beside_others: bool = False
    kind: Kind = EMPTY
    witnesses: pa.StringArray = field(default_factory=lambda: pa.nulls(0, pa.string()))
    #: The value that made the column text after earlier ones were numbers or dates.
    ended: Place | None = None
    #: Why the column is text although all its values could be read as something narrower.
    forced: str = ""
    #: What was decided beyond the values themselves, and why.
    evidence: str = ""
    #: The question to a person where nothing decides, and its answers.
    asked: str = ""
    choices: tuple[As, ...] = ()
    written: str = ""
    seen: Seen = field(default_factory=Seen)

    def start_pass(self) -> None:
        self.seen = Seen()

    def restrict(self, kinds: tuple[Kind, ...]) -> bool:
        """Allow these kinds only; True when this changes the column's kind."""
        self.kinds = kinds
        before = self.kind
        self.kind = kind_of(self.witnesses, kinds, self.missing)
        return self.kind is not before

    def force_text(self, why: str) -> None:
        self.forced, self.kind, self.kinds = why, TEXT, (TEXT,)

    def take(self, read: Read, line_of: LineOf) -> bool:
        """Add a piece of the column to what is known of it; True when this changed its kind."""
        if read.array is not None and read.kind is self.kind:
            self.seen.values += len(read.array) - read.array.null_count
            self.seen.markers += read.markers
            self.seen.look(self.kind, read.texts, line_of)
            return False
        before = self.kind
        self._settle(read.texts, line_of)
        return self.kind is not before

    def _settle(self, texts: pa.StringArray, line_of: LineOf) -> None:
        """Find the kind that fits all witnesses and all these texts."""
        if self.kind is EMPTY:
            self.witnesses = texts.drop_null().slice(0, GUESS_FROM)
            self.kind = kind_of(self.witnesses, self.kinds, self.missing)
        while self.kind is not TEXT and read_as(self, texts).array is None:
            position = first_misfit(self.kind, texts, self.missing)
            guess = convert(self.kind, self.witnesses, self.missing)[0]
            self.witnesses = pa.concat_arrays([self.witnesses, texts.slice(position, 1)])
            self.kind = kind_of(self.witnesses, self.kinds, self.missing)
            if self.kind is TEXT and guess.null_count < len(guess):
                self.ended = (line_of(position), texts[position].as_py())


@dataclass(frozen=True)
class Read:
    """A column of one piece, read as `kind`; `array` is None when some value does not fit."""

    kind: Kind
    texts: pa.StringArray
    array: pa.Array | None
    markers: Counter[str] = field(default_factory=Counter)


def read_as(column: Column, texts: pa.StringArray) -> Read:
    """A piece of a column read as its kind so far."""
    try:
        array, markers = convert(column.kind, texts, column.missing)
    except Misfit:
        return Read(column.kind, texts, None)
    return Read(column.kind, texts, array, markers)
