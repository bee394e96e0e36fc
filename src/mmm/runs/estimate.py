"""What a run will take, told before it starts: time, memory, money. Rates are measured, prices and
machines declared.

seconds = fixed + candidates * (per_candidate + per_cell * rows * columns), then times what this
workspace's own runs took compared with the same formula. Rows are the dataset's, columns the mapped
ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from mmm.engines import ENGINES, load_engine
from mmm.engines.capabilities import Rates, Sized, offered
from mmm.errors import UserError
from mmm.experiments.config import Experiment
from mmm.experiments.of_run import experiment_of
from mmm.experiments.prices import cost, price
from mmm.runs import wording
from mmm.runs.service import RunService
from mmm.runs.status import RunStatus
from mmm.workspace import Workspace
from mmm.workspace.models import RunState

#: Earlier runs that are looked at: the newest of the engine that succeeded.
_EARLIER, _LOOKED_THROUGH = 8, 60
_MEGABYTE = 1024**2


@dataclass(frozen=True)
class Size:
    """What a run's time depends on. `kind` is the engine's word for what a candidate costs."""

    engine: str
    candidates: int
    rows: int
    columns: int
    kind: str


@dataclass(frozen=True)
class Estimate:
    """Seconds and bytes, None while nothing is known of the engine; US dollars; `basis` says where
    they come from.
    """

    seconds: float | None
    memory_bytes: float | None
    dollars: float | None
    basis: str

    def sentence(self) -> str:
        if self.seconds is None:
            return f"How long it takes is not known yet: {self.basis}."
        memory = (
            ""
            if self.memory_bytes is None
            else f", {self.memory_bytes / _MEGABYTE:,.0f} MB of memory"
        )
        return (
            f"About {wording.duration(self.seconds)}{memory}, {price(self.dollars)} ({self.basis})."
        )


def size_of(experiment: Experiment, rows: int) -> Size:
    """The size of an experiment on a dataset of so many rows."""
    columns = len(experiment.mapping.columns())
    sized = offered(load_engine(experiment.engine), Sized)
    if sized is None:
        return Size(experiment.engine, 1, rows, columns, "")
    settings, calibrated = experiment.engine_settings(), bool(experiment.lift_tests)
    of = sized.search_size(settings, calibrated=calibrated)
    return Size(experiment.engine, of.candidates, rows, columns, of.kind)


def _rates(engine: str) -> Rates | None:
    """The measured rates of an engine; None where it has none, or is one of another version."""
    if engine not in ENGINES:
        return None
    sized = offered(load_engine(engine), Sized)
    return None if sized is None else sized.rates


def formula(size: Size) -> float | None:
    """Seconds by the measured rates; None for an engine that none were measured for."""
    rates = _rates(size.engine)
    if rates is None:
        return None
    per_cell = rates.per_cell.get(size.kind, max(rates.per_cell.values()))
    cells = per_cell * size.rows * size.columns
    return rates.fixed + size.candidates * (rates.per_candidate + cells)


def estimate(
    size: Size, earlier: Sequence[tuple[Size, float, float | None]], platform: str
) -> Estimate:
    """The estimate; `earlier` are (size, seconds, peak memory in bytes) of runs of this engine in
    this workspace.
    """
    seconds, rates = formula(size), _rates(size.engine)
    ratios = [took / known for done, took, _ in earlier if (known := formula(done))]
    if seconds is None:
        work = [took / (done.candidates * done.rows * done.columns) for done, took, _ in earlier]
        if not work:
            return Estimate(
                None, None, None, "no run of this engine has ended here, and none was measured"
            )
        seconds = median(work) * size.candidates * size.rows * size.columns
    elif ratios:
        seconds *= median(ratios)
    peaks = [peak for _, _, peak in earlier if peak]
    memory = max(peaks) if peaks else None
    if rates is not None:
        memory = max(
            memory or 0.0, rates.memory_bytes + rates.memory_per_candidate * size.candidates
        )
    runs = f"{len(earlier)} earlier run{'s' * (len(earlier) != 1)} here"
    basis = (
        f"from {runs} and measured rates"
        if earlier
        else "from measured rates, no run has ended here yet"
    )
    return Estimate(seconds, memory, cost(platform, seconds), basis)


def earlier_runs(service: RunService, engine: str) -> list[tuple[Size, float, float | None]]:
    """Size, seconds and peak memory of the newest runs of an engine that succeeded."""
    found: list[tuple[Size, float, float | None]] = []
    rows_of = _rows(service.workspace)
    for status in service.runs(limit=_LOOKED_THROUGH):
        if len(found) == _EARLIER:
            break
        if status.state is RunState.SUCCEEDED and status.engine == engine and status.seconds:
            size = _size_of_run(service.workspace, status, rows_of)
            if size is not None:
                found.append((size, status.seconds, status.details.get("memory_peak_bytes")))
    return found


def _size_of_run(
    workspace: Workspace, status: RunStatus, rows_of: Callable[[str, str], int]
) -> Size | None:
    """None for a run whose config or dataset cannot be read any more."""
    try:
        experiment = experiment_of(workspace, status.run_id)
        return size_of(experiment, rows_of(status.market, status.dataset_id))
    except UserError:
        return None


def _rows(workspace: Workspace) -> Callable[[str, str], int]:
    known: dict[tuple[str, str], int] = {}

    def rows_of(market: str, dataset_id: str) -> int:
        if (market, dataset_id) not in known:
            known[market, dataset_id] = workspace.dataset(market, dataset_id).rows
        return known[market, dataset_id]

    return rows_of


def estimate_of(service: RunService, experiment: Experiment) -> Estimate:
    """The estimate of an experiment on this workspace's platform."""
    rows = service.workspace.dataset(experiment.dataset.market, experiment.dataset.dataset_id).rows
    return estimate(
        size_of(experiment, rows), earlier_runs(service, experiment.engine), service.platform
    )
