"""Lift tests of the experiment: typed in a table or taken from a file, each checked below it against
the data and the other tests.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import streamlit as st

from mmm.errors import Finding
from mmm.experiments.lift_table import read_lift_tests
from mmm.format import Labels
from mmm.web.experiment.draft import Draft
from mmm.web.experiment.fields import Form
from mmm.web.experiment.parts import media_names
from mmm.web.experiment.typed_table import Rows, rows_of, rows_of_file, typed_table
from mmm.web.kit.text import plain

_PATH = ("lift_tests",)
_SCHEMA = pa.schema(
    [
        ("channels", pa.list_(pa.string())),
        ("start", pa.date32()),
        ("end", pa.date32()),
        ("lift", pa.float64()),
        ("standard_error", pa.float64()),
        ("interval_low", pa.float64()),
        ("interval_high", pa.float64()),
        ("interval_level", pa.float64()),
        ("spend", pa.float64()),
        ("scope", pa.string()),
        ("status", pa.string()),
        ("source", pa.string()),
        ("confidence", pa.float64()),
    ]
)
_SCOPES = ("immediate", "total")
_STATUSES = ("planned", "running", "finished", "discarded")
_NUMBER = "%.6g"
_CONFIDENCE = "That the lift is not 0, as Robyn asks; where neither error nor interval is known."


def lift_part(form: Form, labels: Labels) -> None:
    """Experiments whose effect was measured, a row each."""
    draft = form.draft
    tests = rows_of(draft, _PATH)
    form.shown.append("lift_tests")
    found = form.found.at("lift_tests")
    title = f"Lift tests ({len(tests)})" if tests else "Lift tests"
    with st.expander(title, expanded=bool(tests)):  # its title changes while one types
        st.markdown(
            "Experiments that measured an effect, for example a region without ads. The models near "
            f"them are kept. The lift is in {plain(labels.effect_unit)}, the spend in "
            f"{plain(labels.currency)}, both over the test's days. How sure a lift is: its standard "
            "error, or its interval."
        )
        typed_table(draft, _PATH, _SCHEMA, _columns(draft, tests))
        _checks(tests, found)
        rows_of_file(
            draft,
            _PATH,
            "A table of lift tests (CSV or Excel): channel, start, end, lift, spend, standard error",
            "Add the tests of this file",
            ":material/upload:",
            read_lift_tests,
        )


def _columns(draft: Draft, tests: Rows) -> dict[str, Any]:
    config = st.column_config
    given = [name for test in tests for name in _names(test)]
    return {
        "channels": config.MultiselectColumn(
            "Channels", options=list(dict.fromkeys([*media_names(draft), *given])), width="medium"
        ),
        "start": config.DateColumn("First day", format="YYYY-MM-DD"),
        "end": config.DateColumn("Last day", format="YYYY-MM-DD"),
        "lift": config.NumberColumn("Lift", format=_NUMBER),
        "standard_error": config.NumberColumn(
            "Standard error", format=_NUMBER, help="Of the lift, in the KPI's unit."
        ),
        "interval_low": config.NumberColumn("Interval from", format=_NUMBER),
        "interval_high": config.NumberColumn("Interval to", format=_NUMBER),
        "interval_level": config.NumberColumn(
            "Interval's level", format=_NUMBER, help="0.9 for 90 %, which holds where it is empty."
        ),
        "spend": config.NumberColumn("Spend", format=_NUMBER),
        "scope": config.SelectboxColumn(
            "Effect", options=_SCOPES, help="Immediate, or total: with carryover."
        ),
        "status": config.SelectboxColumn(
            "Status", options=_STATUSES, help="Only finished tests calibrate the model."
        ),
        "source": config.TextColumn("Source", help="A platform's study, a geo test, a report."),
        "confidence": config.NumberColumn("Confidence", format=_NUMBER, help=_CONFIDENCE),
    }


def _names(test: dict[str, Any]) -> list[str]:
    given = test.get("channels")
    if isinstance(given, list | tuple):
        return [name for name in given if isinstance(name, str)]
    return []


def _checks(tests: Rows, found: list[Finding]) -> None:
    """What is wrong or doubtful, by test in the table's order."""
    for finding in found:
        _, _, place = finding.where.partition(".")
        number, _, field = place.partition(".")
        of = _called(int(number), tests) if number.isdecimal() else ""
        said = f"{finding.what} {finding.fix}".strip()
        text = ": ".join(filter(None, [of, field.replace("_", " "), said]))
        tell = st.error if finding.level == "error" else st.warning
        tell(plain(text), icon=f":material/{finding.level}:")


def _called(number: int, tests: Rows) -> str:
    """A test as a person finds it in the table."""
    test = tests[number - 1] if number <= len(tests) else {}
    about = " ".join(filter(None, [" + ".join(_names(test)), str(test.get("start") or "")]))
    return f"Test {number}" + (f" ({about})" if about else "")
