"""Parts of a printed page drawn as SVG, and pages as PDF: text that knows its width, pictures at
their place.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from html import escape

from mmm.results.charts import INK

_FONT = "Helvetica, Arial, Liberation Sans, sans-serif"
#: Helvetica's widths in thousandths of the size, by groups of characters; all others are as wide as
#: a small letter.
_WIDTHS = {
    "ijl'|": 222, "ft,.:;/!I[]\\ ()r-": 300, "ckJsvxyz": 500, "ABEKPSVXY": 667, "CDHNRUwG": 722, "OQ&m~+=<>": 800,
    "MW%@—…": 944,
}  # fmt: skip
_WIDTH_OF = {letter: width / 1000 for letters, width in _WIDTHS.items() for letter in letters}
_BOLD = 1.07


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """How wide a line is, near enough to break lines by; letters of East Asian scripts are as wide
    as high.
    """
    width = sum(_WIDTH_OF.get(letter, 0.56 if ord(letter) < 0x2E80 else 1.0) for letter in text)
    return width * size * (_BOLD if bold else 1.0)


def wrapped(
    text: str, width: float, size: float, *, bold: bool = False, lines: int | None = None
) -> list[str]:
    """The text in lines no wider than `width`; wider words are cut, and so is what is over `lines`."""
    found, line = [], ""
    for word in _words(text, width, size, bold):
        longer = f"{line} {word}".strip()
        if line and text_width(longer, size, bold=bold) > width:
            found.append(line)
            line = word
        else:
            line = longer
    found.append(line)
    if lines is None or len(found) <= lines:
        return found
    return [*found[: lines - 1], f"{found[lines - 1]} …"]


def _words(text: str, width: float, size: float, bold: bool) -> list[str]:
    longest = max(4, int(width / (0.6 * size * (_BOLD if bold else 1.0))))
    found = []
    for word in text.split():
        if text_width(word, size, bold=bold) <= width:
            found.append(word)
            continue
        for start in range(0, len(word), longest):
            found.append(word[start : start + longest])
    return found


def text(
    x: float,
    y: float,
    words: str,
    size: float,
    *,
    bold: bool = False,
    colour: str = INK,
    right: bool = False,
) -> str:
    """One line of text whose left end (`right`: whose right end) stands at (x, y)."""
    weight = "bold" if bold else "normal"
    anchor = ' text-anchor="end"' if right else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-family="{_FONT}" font-size="{size}" font-weight="{weight}" '
        f'fill="{colour}"{anchor} xml:space="preserve">{escape(words)}</text>'
    )


def size_of(picture: str) -> tuple[float, float]:
    """Natural width and height in pixels of an embedded picture."""
    box = re.search(r'viewBox="([\d. -]+)"', picture)
    if box is None:
        raise ValueError("not an SVG picture with a viewBox")
    _, _, width, height = (float(value) for value in box.group(1).split())
    return width, height


def placed(picture: str, x: float, y: float, scale: float) -> str:
    """An embedded picture as it stands inside another."""
    width, height = size_of(picture)
    place = (
        f'<svg x="{x:.1f}" y="{y:.1f}" width="{width * scale:.1f}" height="{height * scale:.1f}" '
    )
    return picture.replace("<svg ", place, 1).replace(f'width="{width:.0f}" role', "role", 1)


def pdf_of(pages: Sequence[str], title: str) -> bytes:
    """SVG pages as one PDF."""
    import vl_convert
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter()
    for page in pages:
        writer.append(PdfReader(io.BytesIO(vl_convert.svg_to_pdf(page))))
    writer.add_metadata({"/Title": title, "/Creator": "mmm-app"})
    writer.compress_identical_objects()
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()
