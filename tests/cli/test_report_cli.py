"""`mmm report` with its options: title, logo, currency, HTML and PDF."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pypdf import PdfReader

from mmm.workspace import Workspace

Run = Callable[..., tuple[int, str, str]]
LOGO = '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><rect width="40" height="20"/></svg>'


@pytest.fixture
def logo(tmp_path: Path) -> Path:
    file = tmp_path / "logo.svg"
    file.write_text(LOGO)
    return file


def test_html_has_title_logo_and_currency(here: Run, tmp_path: Path, logo: Path) -> None:
    options = ("--title", "Spring review", "--logo", logo, "--currency", "CHF")
    target = tmp_path / "review.html"
    assert here("report", "latest", "-o", target, *options) == (0, f"{target}\n", "")
    page = target.read_text(encoding="utf-8")
    assert "<title>Spring review" in page
    assert "data:image/svg+xml;base64," in page
    assert "CHF " in page
    assert "EUR " not in page


def test_pdf_has_title_logo_and_currency(here: Run, tmp_path: Path, logo: Path) -> None:
    target = tmp_path / "review.pdf"
    options = ("--title", "Spring review", "--logo", logo, "--currency", "CHF")
    assert here("report", "latest", "-o", target, *options) == (0, f"{target}\n", "")
    reader = PdfReader(target)
    text = "\n".join(page.extract_text() for page in reader.pages)
    assert reader.metadata is not None
    assert reader.metadata.title == "Spring review"
    assert "Spring review" in text
    assert "CHF" in text
    assert "EUR" not in text


def test_a_folder_gets_the_report_by_the_runs_name(
    here: Run, trained: tuple[Workspace, str], tmp_path: Path
) -> None:
    run_id = trained[1]
    folder = tmp_path / "reports"
    folder.mkdir()
    assert here("report", run_id, "-o", folder) == (0, f"{folder / f'{run_id}-report.html'}\n", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-o", "review.docx"), "docx"),
        (("--logo", "nothing.png"), "nothing.png: cannot be read: No such file or directory."),
        (("--model", "9_999"), "9_999"),
        (
            ("-o", "no/such/folder/review.html"),
            "review.html: cannot be written: No such file or directory.",
        ),
    ],
)
def test_what_cannot_be_written_is_one_sentence(
    here: Run, arguments: tuple[str, ...], message: str
) -> None:
    code, out, err = here("report", "latest", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("Error: ")
    assert message in err


def test_a_logo_that_loads_something_is_refused(here: Run, tmp_path: Path) -> None:
    file = tmp_path / "bad.svg"
    file.write_text(LOGO.replace("<rect", '<image href="https://example.com/x.png"/><rect'))
    code, out, err = here("report", "latest", "--logo", file)
    assert (code, out) == (2, "")
    assert err.startswith("Error: ")
