"""How a report looks: its own title, logo and currency; a workspace may keep them for all its
reports.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any
from xml.parsers import expat

from pydantic import BaseModel, Field

from mmm.access import User
from mmm.errors import UserError
from mmm.workspace import Workspace
from mmm.workspace.stored import model_of

LOGO_BYTES = 500_000
#: A small file can hold a picture that fills the memory when it is unpacked.
LOGO_PIXELS = 4_000
_PRINTED_PIXELS = 900
_PNG, _JPEG, _SVG = "image/png", "image/jpeg", "image/svg+xml"
_NAMESPACE = "http://www.w3.org/2000/svg"
_FIX = f"Choose a PNG, JPEG or SVG file of at most {LOGO_BYTES // 1000} kB."
_FORBIDDEN = {
    "script",
    "foreignobject",
    "iframe",
    "embed",
    "object",
    "audio",
    "video",
    "image",
    "use",
    "feimage",
    "a",
}
_LENGTH = re.compile(r"\s*([\d.]+)")


#: A colour of slides: #rrggbb.
COLOUR = r"^#[0-9a-fA-F]{6}$"


class Logo(BaseModel, frozen=True):
    """An image that is put into the report itself. Made by `logo_from`, which looks at what it is."""

    media_type: str
    base64: str

    def address(self) -> str:
        """The image as a data address."""
        return f"data:{self.media_type};base64,{self.base64}"

    def printed(self) -> str:
        """The address of a picture of it in which letters are drawn: pages of a PDF have no fonts
        for a logo's own.
        """
        if self.media_type != _SVG:
            return self.address()
        import vl_convert

        picture = base64.b64decode(self.base64)
        drawn = vl_convert.svg_to_png(
            picture.decode(), scale=_PRINTED_PIXELS / max(_svg_size(picture))
        )
        return f"data:{_PNG};base64,{base64.b64encode(drawn).decode()}"


class Look(BaseModel, frozen=True):
    """What differs between reports on the same model; None is the run's own."""

    title: str | None = Field(default=None, max_length=200)
    currency: str | None = Field(default=None, max_length=12)
    logo: Logo | None = None
    accent: str | None = Field(default=None, pattern=COLOUR)

    def over(self, other: Look) -> Look:
        """This look, with what it leaves open as in another."""
        return Look(
            **{name: getattr(self, name) or getattr(other, name) for name in Look.model_fields}
        )

    def applied(self, summary: Mapping[str, Any]) -> dict[str, Any]:
        """The summary with this title and currency. The currency is a label: no number changes."""
        kpi = {**summary["kpi"], "currency": self.currency or summary["kpi"]["currency"]}
        return {**summary, "title": self.title or summary["title"], "kpi": kpi}


def look_of(
    title: str = "", currency: str = "", logo: bytes | None = None, accent: str = ""
) -> Look:
    """A look from what a person gave; UserError for what a report cannot hold. Blank texts leave it
    to the run.
    """
    for where, text, most in (("title", title, 200), ("currency", currency, 12)):
        if len(text.strip()) > most or not text.isprintable():
            raise UserError(
                "cannot stand in a report.",
                where=where,
                fix=f"Use one line of at most {most} characters.",
            )
    if accent.strip() and not re.match(COLOUR, accent.strip()):
        raise UserError("is no colour.", where="colour", fix="Write it as #0b66a8.")
    return Look(
        accent=accent.strip() or None,
        title=title.strip() or None,
        currency=currency.strip() or None,
        logo=logo_from(logo) if logo else None,
    )


def logo_from(data: bytes) -> Logo:
    """The logo in a file's content; UserError unless it is a PNG, JPEG or harmless SVG image of
    bearable size.
    """
    if len(data) > LOGO_BYTES:
        raise UserError(f"has {len(data) / 1000:,.0f} kB.", where="logo", fix=_FIX)
    size: tuple[float, float]
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        kind, size = _PNG, (int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big"))
    elif data.startswith(b"\xff\xd8\xff"):
        kind, size = _JPEG, _jpeg_size(data)
    else:
        kind, size = _SVG, _svg_size(data)
    if not all(0 < side <= LOGO_PIXELS for side in size):
        what = f"is {size[0]:g} x {size[1]:g} pixels large."
        raise UserError(what, where="logo", fix=f"Choose one of 1 to {LOGO_PIXELS} pixels a side.")
    return Logo(media_type=kind, base64=base64.b64encode(data).decode())


def _jpeg_size(data: bytes) -> tuple[int, int]:
    """Width and height in the frame header, (0, 0) where there is none."""
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return int.from_bytes(data[at + 7 : at + 9], "big"), int.from_bytes(
                data[at + 5 : at + 7], "big"
            )
        at += 2 + length
    return 0, 0


def _svg_size(data: bytes) -> tuple[float, float]:
    """Width and height of an SVG; UserError for anything else, and for one that runs, loads or
    unfolds anything.
    """
    sizes: list[tuple[float, float]] = []

    def refused(what: str) -> UserError:
        return UserError(what, where="logo", fix="Save it as a plain SVG, or as a PNG.")

    def element(name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(":")[2].lower()
        if not sizes:
            if (
                local != "svg" or attributes.get("xmlns") != _NAMESPACE
            ):  # without it nothing draws the picture
                raise UserError("is no image a report can hold.", where="logo", fix=_FIX)
            sizes.append(_declared(attributes))
        if local in _FORBIDDEN:
            raise refused(f"holds an element {local!r}, which a logo in a report may not.")
        for attribute, value in attributes.items():
            key = attribute.rpartition(":")[2].lower()
            if (
                key.startswith("on")
                or (key in ("href", "src") and not value.strip().startswith("#"))
                or _loads(value)
            ):
                raise refused(f"has an attribute {attribute!r} that runs or loads something.")

    def words(value: str) -> None:
        if _loads(value):
            raise refused("has a style that loads something.")

    def doctype(*_: Any) -> None:
        raise refused("has a document type, in which entities can hide.")

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.buffer_size = LOGO_BYTES
    parser.StartElementHandler, parser.CharacterDataHandler = element, words
    parser.StartDoctypeDeclHandler = doctype
    parser.ProcessingInstructionHandler = lambda *_: doctype()
    try:
        parser.Parse(data, True)
    except (
        expat.ExpatError,
        ValueError,
        LookupError,
    ):  # not XML; a length that is no number; an unknown encoding
        raise UserError("is no image a report can hold.", where="logo", fix=_FIX) from None
    return sizes[0]


def _declared(attributes: Mapping[str, str]) -> tuple[float, float]:
    """Width and height in pixels, from the view box where they are missing or in percent."""
    box = [float(value) for value in re.findall(r"-?[\d.]+", attributes.get("viewBox", ""))][2:4]
    found = []
    for number, name in enumerate(("width", "height")):
        given = attributes.get(name, "")
        match = _LENGTH.match(given)
        if match and "%" not in given:
            found.append(float(match.group(1)))
        elif len(box) == 2:
            found.append(box[number])
        else:
            found.append(0.0)
    return found[0], found[1]


def _loads(value: str) -> bool:
    text = value.lower().replace("\\", "")
    return (
        "@import" in text
        or "javascript:" in text
        or re.search(r"url\(\s*['\"]?(?!['\"#\s])", text) is not None
    )


def saved_look(workspace: Workspace) -> Look:
    """The look of the workspace's reports."""
    stored = workspace.branding()
    return model_of(Look, stored, "branding") if stored else Look()


def save_look(workspace: Workspace, look: Look, by: User) -> None:
    """Keep a look for all of the workspace's reports."""
    workspace.permit(by, "branding.save", "branding")
    version = workspace.save_branding(look)
    logo = look.logo.media_type if look.logo else None
    workspace.append_audit(
        by, "branding.save", str(version), title=look.title, currency=look.currency, logo=logo
    )
