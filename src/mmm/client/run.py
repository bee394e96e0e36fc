"""A run as the client has it: how it stands, its results as Arrow, pandas or polars, its plans."""

from __future__ import annotations

import io
import sys
import time
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa

from mmm.client.transport import Transport
from mmm.errors import UserError
from mmm.results.model_summary import labels_of
from mmm.results.views import view
from mmm.runs.events import FINAL
from mmm.runs.wording import progress
from mmm.workspace.models import RunState, StageProgress

_POLL_SECONDS = 1.0
_FINAL = frozenset(state.value for state in FINAL)
_TYPES: dict[str, pa.DataType] = {
    "double": pa.float64(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "string": pa.string(),
    "bool": pa.bool_(),
    "date32[day]": pa.date32(),
}


@dataclass(frozen=True)
class Numbers:
    """A table of results."""

    arrow: pa.Table

    def pandas(self) -> Any:
        return self.arrow.to_pandas()

    def polars(self) -> Any:
        """UserError where polars is not installed."""
        try:
            import polars  # type: ignore[import-not-found,unused-ignore]
        except ImportError:
            fix = "pip install polars, or take .arrow or .pandas()."
            raise UserError("is not installed.", where="polars", fix=fix) from None
        return polars.from_arrow(self.arrow)


@dataclass(frozen=True)
class ViewOfRun:
    """A view's numbers, what they say and how to read them."""

    key: str
    title: str
    finding: str
    how_to_read: str
    unit: str
    model_id: str
    numbers: Numbers


class Run:
    """One run. `run_id` never changes; everything else is asked for anew each time."""

    def __init__(self, transport: Transport, run_id: str) -> None:
        self._transport, self.run_id = transport, run_id

    def __repr__(self) -> str:
        return f"Run({self.run_id!r})"

    def status(self) -> dict[str, Any]:
        """State, stage and progress, why it failed."""
        return self._get("get_run")

    def wait(self, seconds: float | None = None, *, show: bool | None = None) -> Run:
        """Wait until the run has ended; UserError where it ends badly, or `seconds` have passed.

        A line shows how far it is, on a terminal or where `show` is true.
        """
        shown = sys.stderr.isatty() if show is None else show
        until = None if seconds is None else time.monotonic() + seconds
        while True:
            status = self.status()
            if shown:
                _show(status)
            if status["state"] in _FINAL:
                break
            if until is not None and time.monotonic() > until:
                fix = "It goes on; wait again, or look at its log."
                raise UserError("has not ended in time.", where=f"run {self.run_id}", fix=fix)
            time.sleep(_POLL_SECONDS)
        if shown:
            print(file=sys.stderr)
        if status["state"] != RunState.SUCCEEDED.value:
            what = f"ended as {status['state']}: {status['message']}"
            raise UserError(what, where=f"run {self.run_id}", fix="Its log says more.")
        return self

    def log(self) -> list[dict[str, Any]]:
        """The run's log so far."""
        found: list[dict[str, Any]] = self._get("get_run_log")["records"]
        return found

    def events(self) -> list[dict[str, Any]]:
        """What happened to the run."""
        found: list[dict[str, Any]] = self._get("get_run_events")["events"]
        return found

    def cancel(self) -> dict[str, Any]:
        return self._get("cancel_run")

    def retry(self) -> dict[str, Any]:
        return self._get("retry_run")

    def tables(self) -> list[str]:
        """Names of the result tables."""
        return [table["name"] for table in self._get("list_tables")["tables"]]

    def table(self, name: str) -> Numbers:
        """A result table, as it is stored."""
        sent = self._transport.call("get_table_arrow", {"run": self.run_id, "table": name})
        return Numbers(pa.ipc.open_stream(io.BytesIO(sent)).read_all())

    def views(self) -> dict[str, str]:
        """Keys and titles of the views that the run has something for."""
        return {one["key"]: one["title"] for one in self._get("list_views")["views"]}

    def view(self, key: str, model: str = "") -> ViewOfRun:
        """The numbers that the web app and the report show."""
        told = self._get("get_view", view=key, model=model)
        return ViewOfRun(
            key=told["key"],
            title=told["title"],
            finding=told["finding"],
            how_to_read=told["how_to_read"],
            unit=told["unit"],
            model_id=told["model_id"],
            numbers=Numbers(_arrow(told["numbers"])),
        )

    def plot(self, key: str, model: str = "") -> Any:
        """The chart of a view, an Altair chart: the web app's."""
        shown = self.view(key, model)
        labels = labels_of(self.summary())
        return view(key).chart(shown.numbers.arrow, labels)

    def summary(self, model: str = "") -> dict[str, Any]:
        """Data, totals, channels, warnings, settings, provenance."""
        found: dict[str, Any] = self._get("get_summary", model=model)["summary"]
        return found

    def answer(self, model: str = "") -> dict[str, Any]:
        """The answer in five cards, and the channels' figures."""
        return self._get("get_answer", model=model)

    def channels(self, model: str = "") -> list[dict[str, Any]]:
        """Every paid channel's figures with unit, interval and confidence."""
        found: list[dict[str, Any]] = self._get("list_channels", model=model)["channels"]
        return found

    def bridge(self, before: str = "", after: str = "", model: str = "") -> dict[str, Any]:
        """Why the KPI moved between two ranges of dates."""
        return self._get("get_bridge", before=before, after=after, model=model)

    def certificate(self) -> dict[str, Any]:
        """How wrong the numbers could be; NotFound while the run is not certified."""
        found: dict[str, Any] = self._get("get_certificate")["certificate"]
        return found

    def certify(self, worlds: int = 200) -> Run:
        """Start certifying the run; what comes back is waited for like a run."""
        body = {"worlds": worlds}
        told = self._transport.call("certify_run", {"run": self.run_id}, body)
        return Run(self._transport, told["run_id"])

    def report(self, kind: str = "html", model: str = "") -> bytes:
        """The report: html, pdf, pptx or xlsx."""
        fields = {"run": self.run_id, "kind": kind, "model": model}
        found: bytes = self._transport.call("get_report", fields)
        return found

    def plan(self, *, save: bool = False, **fields: Any) -> dict[str, Any]:
        """A plan, as `mmm plan` makes it: budget, goal, target, period, low, high, limits, ahead, ...;
        kept where `save` is true.
        """
        name = "store_plan" if save else "plan_budget"
        found: dict[str, Any] = self._transport.call(name, {"run": self.run_id}, fields)
        return found

    def next_test(self, precision: float = 0.02) -> dict[str, Any]:
        """Which test is worth more than it costs."""
        return self._get("recommend_next_test", precision=precision)

    def _get(self, name: str, **fields: Any) -> dict[str, Any]:
        found: dict[str, Any] = self._transport.call(name, {"run": self.run_id, **fields})
        return found


def _show(status: dict[str, Any]) -> None:
    stage = status["progress"]
    told = "" if stage is None else progress(StageProgress.model_validate(stage))
    print(f"\r{status['state']:<10} {told:<60}", end="", file=sys.stderr, flush=True)


def _arrow(table: dict[str, Any]) -> pa.Table:
    """A page of a table as the web app's numbers: with their types."""
    arrays = []
    for place, column in enumerate(table["columns"]):
        values = [row[place] for row in table["rows"]]
        kind = _TYPES.get(column["type"])
        if column["type"].startswith("date32"):
            values = [None if value is None else date.fromisoformat(value) for value in values]
        arrays.append(pa.array(values, kind))
    return pa.table(arrays, names=[column["name"] for column in table["columns"]])
