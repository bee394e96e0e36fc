"""Excel workbooks for the tests of sources."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workbooks import ExcelError, write_workbook


@pytest.fixture
def write_xlsx(tmp_path: Path) -> Callable[..., Path]:
    """write_xlsx(rows) or write_xlsx(sheet1=rows, sheet2=rows) -> the workbook's path."""

    def write(rows: Any = None, name: str = "book.xlsx", **sheets: Any) -> Path:
        return write_workbook(tmp_path / name, rows, **sheets)

    return write


@pytest.fixture
def excel_error() -> type[ExcelError]:
    return ExcelError
