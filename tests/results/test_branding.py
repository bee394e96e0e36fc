"""A report's own look: what may stand in it, what is refused, and who may keep it for all."""

from __future__ import annotations

import base64
import struct
import zlib
from pathlib import Path

import pytest

from mmm.access import NotAllowed, Role, User
from mmm.errors import UserError
from mmm.results.branding import Look, logo_from, look_of, save_look, saved_look
from mmm.workspace import Workspace

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 40">{}</svg>'


def png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\xff" * width) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def jpeg(width: int, height: int) -> bytes:
    """The markers up to the frame header."""
    return (
        b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc0\x00\x0b\x08"
        + struct.pack(">HH", height, width)
        + b"\x01\x01\x11\x00"
    )


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (png(3, 2), "image/png"),
        (jpeg(30, 20), "image/jpeg"),
        (SVG.format('<path d="M0 0L9 9"/><text>A &amp; B</text>').encode(), "image/svg+xml"),
        (
            SVG.format('<defs><linearGradient id="a"/></defs><rect fill="url(#a)"/>').encode(),
            "image/svg+xml",
        ),
    ],
)
def test_images_are_known_by_what_they_are(data: bytes, kind: str) -> None:
    logo = logo_from(data)
    assert logo.address() == f"data:{kind};base64,{base64.b64encode(data).decode()}"


@pytest.mark.parametrize(
    ("inside", "why"),
    [
        ("<script>alert(1)</script>", "element 'script'"),
        ("<foreignObject><p/></foreignObject>", "element 'foreignobject'"),
        ('<image href="file:///etc/passwd"/>', "element 'image'"),
        ('<rect onclick="alert(1)"/>', "attribute 'onclick'"),
        ('<rect fill="url(https://x.test/a)"/>', "attribute 'fill'"),
        ("<style>@import 'https://x.test/a.css'</style>", "style that loads"),
        (
            '<set xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="javascript:alert(1)"/>',
            "attribute 'xlink:href'",
        ),
    ],
)
def test_an_svg_that_runs_or_loads_anything_is_refused(inside: str, why: str) -> None:
    with pytest.raises(UserError, match=why):
        logo_from(SVG.format(inside).encode())


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b'<!DOCTYPE svg [<!ENTITY a "b">]>' + SVG.format("&a;").encode(), "has a document type"),
        (b"<html></html>", "is no image a report can hold"),
        (b"GIF89a", "is no image a report can hold"),
        (b"", "is no image a report can hold"),
        (SVG.format("").encode() + b" " * 500_000, "has 500 kB"),
        (
            png(2, 2)[:16] + struct.pack(">II", 50_000, 2) + png(2, 2)[24:],
            "is 50000 x 2 pixels large",
        ),
        (jpeg(0, 5), "is 0 x 5 pixels large"),
        (b"\xff\xd8\xff\xd9", "is 0 x 0 pixels large"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "is 0 x 0 pixels large"),
        (b'<svg width="9" height="9"/>', "is no image a report can hold"),
        (
            b'<svg xmlns="http://www.w3.org/2000/svg" width="1.2.3" height="9"/>',
            "is no image a report can hold",
        ),
    ],
)
def test_what_is_no_bearable_image_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(UserError, match=f"logo: {why}"):
        logo_from(data)


def test_blank_texts_leave_it_to_the_run_and_lines_are_one_line() -> None:
    assert look_of("  ", "", None) == Look()
    assert look_of(" Spring ", "€") == Look(title="Spring", currency="€")
    with pytest.raises(UserError, match="title: cannot stand"):
        look_of("two\nlines")
    with pytest.raises(UserError, match="currency: cannot stand"):
        look_of(currency="x" * 13)


def test_a_look_is_kept_by_admins_for_all_and_yields_to_what_is_given(tmp_path: Path) -> None:
    workspace = Workspace(f"file://{tmp_path}")
    assert saved_look(workspace) == Look()
    kept = look_of("ACME", "CHF", png(2, 2))
    with pytest.raises(NotAllowed):
        save_look(workspace, kept, User("ann", role=Role.ANALYST))
    save_look(workspace, kept, User("adi", role=Role.ADMIN))
    assert saved_look(workspace) == kept
    assert look_of("Mine").over(saved_look(workspace)) == Look(
        title="Mine", currency="CHF", logo=kept.logo
    )
    actions = [entry.action for day in workspace.audit_days() for entry in workspace.audit(day)]
    assert actions == ["branding.save.refused", "branding.save"]
