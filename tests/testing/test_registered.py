"""A test's gate, discount and contradictions; result files of other tools."""

from __future__ import annotations

import io
import math
from datetime import UTC, date, datetime

import pyarrow as pa
import pyarrow.csv
import pytest

from mmm.errors import UserError
from mmm.testing.imports import Imported, Refused, read_results_file
from mmm.testing.registered import (
    Found,
    Outcome,
    RegisteredTest,
    State,
    at_spend,
    contradictions,
    discounted_error,
    quality,
)

TODAY = date(2026, 11, 30)


def kept(lift: float = 1000.0, error: float = 100.0, *, end: date = TODAY) -> RegisteredTest:
    return RegisteredTest(
        state=State.ANALYSED,
        channels=("tv_S",),
        start=date(2020, 1, 1),
        end=end,
        found=Found(lift=lift, standard_error=error, spend=500.0, pre_fit_passes=True),
        saved_by="ana",
        at=datetime(2026, 11, 30, tzinfo=UTC),
    )


def test_the_gate_says_unknown_where_nothing_is_known() -> None:
    old = kept(error=700.0, end=date(2024, 1, 1))
    found = {name: outcome for name, outcome, _ in quality(old, TODAY)}
    assert found == {
        "pre-fit": Outcome.GOOD,
        "power": Outcome.UNKNOWN,
        "contamination": Outcome.UNKNOWN,
        "age": Outcome.BAD,
        "size": Outcome.BAD,
    }


def test_age_and_another_spend_add_to_the_error() -> None:
    assert discounted_error(kept(), TODAY) == pytest.approx(100.0)
    old = kept(end=date(2022, 11, 30))
    years = (TODAY - old.end).days / 365.25
    assert discounted_error(old, TODAY) == pytest.approx(math.sqrt(100.0**2 + years * 100.0**2))
    lift, error = at_spend(1000.0, 100.0, 500.0, 2000.0)
    assert lift == pytest.approx(4000.0)
    assert error == pytest.approx(4.0 * math.hypot(100.0, 200.0))
    assert at_spend(1000.0, 100.0, 500.0, 500.0) == pytest.approx((1000.0, 100.0))


def test_two_tests_that_cannot_both_be_right_are_named() -> None:
    tests = {"spring": kept(1000.0), "summer": kept(1100.0), "autumn": kept(2000.0)}
    found = contradictions(tests)
    assert [(first, second) for first, second, _ in found] == [
        ("spring", "autumn"),
        ("summer", "autumn"),
    ]
    assert found[0][2].startswith("2 ± 0.33 against 4 ± 0.33 of the KPI for one unit of money")


def table(text: str) -> pa.Table:
    return pyarrow.csv.read_csv(io.BytesIO(text.encode()))


DATES = {"start": date(2026, 1, 5), "end": date(2026, 2, 1)}
FILES = {
    "GeoLift": "ATT,PercLift,pvalue,incremental,lower,upper,spend\n156,5.4,0.01,4667,1000,8000,64000\n",
    "CausalPy": "effect,mean,hdi_lower,hdi_upper\naverage,1,0,2\ncumulative,4667,1000,8000\n",
    "GeoX": "estimate,precision,lower,upper,level,cost\n4667,3000,1000,8000,0.9,500\n",
    "Meta lift": "Reporting starts,Reporting ends,Incremental conversions,Lower bound,Upper bound,"
    "Amount spent (EUR)\n2026-01-05,2026-02-01,4667,1000,8000,500\n",
    "Google lift": "Start date,End date,Absolute lift,CI lower,CI upper,Cost\n"
    "2026-01-05,2026-02-01,4667,1000,8000,500\n",
}


@pytest.mark.parametrize("tool", FILES)
def test_each_tools_file_becomes_a_test(tool: str) -> None:
    given = {} if "lift" in tool.split() else DATES
    found, _ = read_results_file(table(FILES[tool]), spend=500.0, level=0.9, **given)
    (one,) = found
    assert isinstance(one, Imported)
    assert one.tool == tool
    assert (one.start, one.end) == (DATES["start"], DATES["end"])
    assert one.found.lift == 4667.0
    assert one.found.standard_error == pytest.approx(7000.0 / (2 * 1.6448536))


def test_a_refused_row_is_told_why() -> None:
    rows = table(
        "start,end,att,incremental,lower,upper,spend\n"
        "2026-01-05,2026-02-01,1,,1,2,5\n"
        "2026-01-05,2026-02-01,1,10,,,5\n"
        "2026-01-05,2026-02-01,1,10,20,30,5\n"
        "2026-03-05,2026-02-01,1,10,5,30,5\n"
        "2026-01-05,2026-02-01,1,10,5,30,\n"
        "2026-01-05,2026-02-01,1,10,5,30,7\n"
    )
    found, refused = read_results_file(rows)
    assert [one.row for one in found] == [6]
    assert [Refused(1, one.reason) for one in refused] == [
        Refused(1, "it has no incremental KPI: a mean effect or a percentage is not enough"),
        Refused(1, "it has no interval, so it does not say how sure it is"),
        Refused(1, "its interval 20 to 30 does not hold its effect 10"),
        Refused(1, "it ends on 2026-02-01, before it starts on 2026-03-05"),
        Refused(1, "it has no spend, and none was given"),
    ]
    found, refused = read_results_file(table(FILES["GeoLift"]))
    assert refused == [Refused(1, "it has no dates, and none were given")]
    with pytest.raises(UserError, match="is like no result file of GeoLift, CausalPy, GeoX"):
        read_results_file(table("a,b\n1,2\n"))
