"""What only a workbook's XML tells: cells that hold an error, formulas whose value was never stored,
rows and columns that are hidden. Workbooks that are no zip archives of XML (.xls, .xlsb) tell neither.
"""

from __future__ import annotations

import html
import re
import zipfile
from collections import Counter
from pathlib import Path

_ERRORS = re.compile(
    rb'<(?:\w+:)?c\s[^>]*\bt="e"[^>]*>.*?<(?:\w+:)?v>([^<]*)</(?:\w+:)?v>', re.DOTALL
)
_CELL_WITH_FORMULA = re.compile(
    rb"<(?:\w+:)?c\s([^>]*)>\s*<(?:\w+:)?f(?:\s[^>]*)?(?:/>|>[^<]*</(?:\w+:)?f>)\s*"
    rb"(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v></(?:\w+:)?v>)?\s*</(?:\w+:)?c>"
)
_ROW = re.compile(rb"<(?:\w+:)?row(\s[^>]*)?>")
_COLUMN = re.compile(rb"<(?:\w+:)?col(\s[^>]*)>")
_ATTRIBUTE = re.compile(r'(\w+)="([^"]*)"')
_HIDDEN = frozenset({"1", "true"})
_MOST_COLUMNS = 16_384
_PLACE = re.compile(r'\br="([A-Z]+)(\d+)"')


def sheet_xml(path: Path, sheet: str) -> bytes:
    """A sheet's XML; empty for a workbook that has none."""
    if not zipfile.is_zipfile(path):
        return b""
    with zipfile.ZipFile(path) as archive:
        member = _sheet_member(archive, sheet)
        if member in archive.namelist():
            return archive.read(member)
        return b""


def error_notes(content: bytes, sheet: str) -> list[str]:
    """Cells that hold an error (#N/A, #DIV/0!) come from the reader like empty ones."""
    if b't="e"' not in content:
        return []
    errors = Counter(_ERRORS.findall(content))
    found = ", ".join(f"{count} x {error.decode()!r}" for error, count in sorted(errors.items()))
    return [
        f"Sheet {sheet!r}: {errors.total()} cells hold an error and were read as empty ({found})."
    ]


def formulas_without_value(content: bytes) -> list[tuple[int, int, str]]:
    """(row, column, both from 0, the cell's name) of formulas whose value the file does not hold.

    Programs that write workbooks without calculating them leave such cells; Excel never does.
    """
    if b"<f" not in content and b":f" not in content:
        return []
    found = []
    for cell in _CELL_WITH_FORMULA.finditer(content):
        attributes = cell[1].decode("utf-8", errors="replace")
        place = _PLACE.search(attributes)
        if place is not None and 't="str"' not in attributes:
            found.append((int(place[2]) - 1, column_number(place[1]), place[1] + place[2]))
    return found


def hidden_rows(content: bytes) -> frozenset[int]:
    """Numbers (from 1) of rows that are hidden, by hand or by a filter."""
    if b"hidden=" not in content:
        return frozenset()
    found, number = set(), 0
    for row in _ROW.finditer(content):
        about = _attributes(row[1])
        number = int(about["r"]) if about.get("r", "").isdigit() else number + 1
        if about.get("hidden") in _HIDDEN:
            found.add(number)
    return frozenset(found)


def hidden_columns(content: bytes) -> frozenset[int]:
    """Numbers (from 0) of columns that are hidden."""
    if b"hidden=" not in content:
        return frozenset()
    found: set[int] = set()
    for column in _COLUMN.finditer(content):
        about = _attributes(column[1])
        first, last = about.get("min", ""), about.get("max", "")
        if about.get("hidden") in _HIDDEN and first.isdigit() and last.isdigit():
            found |= set(range(int(first) - 1, min(int(last), _MOST_COLUMNS)))
    return frozenset(found)


def is_filtered(content: bytes) -> bool:
    """Whether a filter is set that may hide rows."""
    return b"filterColumn" in content


def _attributes(tag: bytes | None) -> dict[str, str]:
    return dict(_ATTRIBUTE.findall((tag or b"").decode("utf-8", errors="replace")))


def column_number(letters: str) -> int:
    """0 for A, 26 for AA."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def _sheet_member(archive: zipfile.ZipFile, sheet: str) -> str:
    """The archive's member that holds a sheet; empty for a workbook that is not XML."""
    names = archive.namelist()
    if "xl/workbook.xml" not in names or "xl/_rels/workbook.xml.rels" not in names:
        return ""
    targets = {
        tag["Id"]: tag["Target"]
        for tag in _tags(archive.read("xl/_rels/workbook.xml.rels"), "Relationship")
    }
    for tag in _tags(archive.read("xl/workbook.xml"), "sheet"):
        if tag.get("name") == sheet:
            link = next((value for key, value in tag.items() if key.endswith(":id")), "")
            target = targets.get(link, "")
            if target.startswith("/"):
                return target.removeprefix("/")
            return f"xl/{target}"
    return ""


def _tags(content: bytes, name: str) -> list[dict[str, str]]:
    """Attributes of all elements of a name."""
    found = re.findall(rf"<(?:\w+:)?{name}\s([^>]*)>", content.decode("utf-8", errors="replace"))
    tags = []
    for text in found:
        attributes = re.findall(r'([\w:]+)="([^"]*)"', text)
        tags.append({key: html.unescape(value) for key, value in attributes})
    return tags
