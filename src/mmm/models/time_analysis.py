"""A test in time analysed for a run whose data hold it: by the run's model, by the same model trained on
what was before the test, and by interrupted time series.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mmm.engines import load_engine
from mmm.engines.base import ProgressListener
from mmm.engines.capabilities import Responds, asked
from mmm.engines.training import train
from mmm.engines.words import ChannelKind
from mmm.errors import UserError
from mmm.experiments.config import Experiment, Window
from mmm.experiments.problem import build_problem
from mmm.models.plans import PlanningModel
from mmm.models.time_tests import series_by_date
from mmm.planning.history import read_history
from mmm.planning.models import planned_with
from mmm.planning.sides import PlannedWith
from mmm.planning.weighted import weighted_quantiles
from mmm.results.summary import of_model, recommended
from mmm.testing.designed import TimeDesign
from mmm.testing.registered import HALF_WIDTH, Found
from mmm.testing.time_analysis import Opinion, Spent, interrupted, spent, verdict
from mmm.workspace import Workspace

_LOW, _HIGH = 0.05, 0.95


@dataclass(frozen=True)
class TimeAnalysis:
    """The model without the test's periods, the model with them, and interrupted time series; the
    money that the test moved, below 0 where it held back.
    """

    before: Opinion
    after: Opinion
    second: Opinion
    money: Spent
    verdict: str

    @property
    def opinions(self) -> tuple[Opinion, ...]:
        return self.before, self.after, self.second


def analyse_time_test(
    workspace: Workspace,
    chosen: PlanningModel,
    design: TimeDesign,
    progress: ProgressListener = lambda progress: None,
) -> TimeAnalysis:
    """Trains the run's experiment once more, on the periods before the test. UserError where the
    run's data do not hold the test or its channel was not changed.
    """
    history = chosen.history
    if design.channel not in history.channels:
        known = ", ".join(history.channels)
        raise UserError(f"{design.channel!r} is no channel.", where="channel", fix=f"Use: {known}.")
    place = history.channels.index(design.channel)
    first = _row_of(history.dates, design)
    money = spent(history.spend[place], first, design.on)
    after = _by_model("model with its periods", chosen.planned, history.window, place, money)
    before = _without(workspace, chosen, design, money, progress)
    dates, series = _of_channel(chosen.tables, design.channel)
    second = interrupted(series, _row_of(dates, design), design.on, design.carryover, money)
    return TimeAnalysis(before, after, second, money, verdict(before, after, second))


def as_found(found: TimeAnalysis) -> Found:
    """The result of interrupted time series as the registry keeps it: what the money that the test
    moved, or would have, brought.
    """
    money, second = abs(found.money.moved), found.second
    return Found(
        lift=second.ratio * money,
        standard_error=second.width / (2.0 * HALF_WIDTH) * money,
        spend=money,
        method=second.how,
    )


def _row_of(dates: np.ndarray, design: TimeDesign) -> int:
    """The row (of T) of the period in which the test begins."""
    days = dates.astype("datetime64[D]")
    return int(np.searchsorted(days, np.datetime64(design.start), side="right")) - 1


def _of_channel(tables: Mapping[str, pa.Table], channel: str) -> tuple[np.ndarray, np.ndarray]:
    """Dates (T,) and the KPI (T,) without what the recommended model says that others did."""
    model_id = recommended(tables)
    fit = of_model(tables["fit"], model_id)
    dates, actual = series_by_date(fit, "actual")
    _, fitted = series_by_date(fit, "fitted")
    parts = of_model(tables["contributions"], model_id)
    own = parts.filter(
        pc.and_(pc.equal(parts["component"], channel), pc.equal(parts["kind"], ChannelKind.PAID))
    )
    _, effect = series_by_date(own, "effect")
    return dates, actual - fitted + effect


def _by_model(
    how: str, planned: PlannedWith, rows: np.ndarray, place: int, money: Spent
) -> Opinion:
    """The change of the steady response between usual and changed spend, per unit of money."""
    model = planned.response(rows, "follows")
    spend = np.zeros((2, len(model.channels)))
    spend[:, place] = money.usual, money.changed
    response = model.response(spend)[:, :, place]
    ratios = (response[:, 1] - response[:, 0]) / (money.changed - money.usual)
    middle, low, high = weighted_quantiles(ratios, model.weights, (0.5, _LOW, _HIGH))
    if len(model.weights) < 2:
        low = high = np.nan
    return Opinion(how, float(middle), float(low), float(high))


def _without(
    workspace: Workspace,
    chosen: PlanningModel,
    design: TimeDesign,
    money: Spent,
    progress: ProgressListener,
) -> Opinion:
    experiment = _ending_before(chosen.experiment, design)
    dataset = experiment.dataset
    table = workspace.read_dataset(dataset.market, dataset.dataset_id)
    problem, _ = build_problem(experiment, table)
    engine = load_engine(experiment.engine)
    result = train(engine, problem, experiment.engine_settings(), progress)
    history = read_history(result.tables)
    responds = asked(engine, Responds, "are not asked for a response")
    planned = planned_with(responds, result.tables, history)
    place = history.channels.index(design.channel)
    return _by_model("model without its periods", planned, history.window, place, money)


def _ending_before(experiment: Experiment, design: TimeDesign) -> Experiment:
    """The experiment up to the day before the test, without tests that end later."""
    last = design.start - timedelta(days=1)
    window = Window(start=experiment.window.start, end=last)
    tests = tuple(test for test in experiment.lift_tests if test.end <= last)
    changes = {"window": window, "lift_tests": tests, "refresh": None, "retrains": None}
    return experiment.model_copy(update=changes)
