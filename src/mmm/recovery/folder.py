"""A folder with known truth: data.csv, truth.json and, where there are any, lift tests in
experiments.csv.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from mmm.data.mapping import Mapping, PaidColumns, SignedColumn
from mmm.data.proposal import propose
from mmm.engines import DEFAULT_ENGINE, load_engine
from mmm.engines.base import EngineResult, Problem, ProgressListener
from mmm.engines.training import train
from mmm.errors import UserError
from mmm.planning.allocation import allocate
from mmm.planning.media import read_model
from mmm.planning.request import PlanRequest
from mmm.recovery.score import ChannelEstimate, ChannelTruth, Recovery, regret, score
from mmm.results.format import Labels
from mmm.runs.config import DatasetRef, Experiment, LiftTestConfig
from mmm.runs.problem import build_problem
from mmm.sources.files import FileSource

SPEND = "_spend"


@dataclass(frozen=True)
class Case:
    """One folder, read: its experiment, table and truth. Channels are named without the column's
    `_spend`.
    """

    name: str
    experiment: Experiment
    table: pa.Table
    truths: tuple[ChannelTruth, ...]


def read_case(
    folder: Path,
    engine: str = DEFAULT_ENGINE,
    settings: dict[str, Any] | None = None,
    country: str | None = None,
) -> Case:
    """Read a folder; its columns are `date`, the KPI, `<channel>_spend`, optional
    `<channel>_impressions`, controls.

    Without `country`, its own experiment.json may name one, whose holidays are then modelled.
    UserError for what is missing or can't be told.
    """
    table = _table(folder / "data.csv")
    truths = _truths(folder / "truth.json")
    known = [truth.name for truth in truths]
    missing = [name + SPEND for name in known if name + SPEND not in table.column_names]
    if missing:
        raise UserError(f"has no column {missing[0]!r}.", where=str(folder / "data.csv"))
    experiment = Experiment(
        name=folder.name,
        dataset=DatasetRef(market="simulated", dataset_id="0" * 16),
        mapping=_mapping(table, known, str(folder / "data.csv")),
        country=country or _country(folder / "experiment.json"),
        lift_tests=_lift_tests(folder / "experiments.csv"),
        engine=engine,
        settings=settings or {},
    )
    return Case(folder.name, experiment, table, truths)


def recover(
    case: Case, progress: ProgressListener = lambda progress: None
) -> tuple[Recovery, EngineResult, Problem]:
    """Train the case's engine on its table and score the recommended model and the budget it
    advises.
    """
    problem, _ = build_problem(case.experiment, case.table)
    engine = load_engine(case.experiment.engine)
    result = train(engine, problem, case.experiment.engine_settings(), progress)
    lost, lost_today = advice(case, result, problem)
    return (
        replace(score(case.truths, estimates(result)), regret=lost, regret_today=lost_today),
        result,
        problem,
    )


def advice(case: Case, result: EngineResult, problem: Problem) -> tuple[float, float]:
    """Regret of the plan that is made when nothing else is asked (today's money, each channel
    between half and double of its own), and that of today's budget, both on the true curves. NaN
    for one channel: there is nothing to move.
    """
    model = read_model(result.tables, result.recommended)
    if len(model.paid) < 2:
        return float("nan"), float("nan")
    request = PlanRequest.model_validate({})
    plan = allocate(model, request, Labels(problem.kpi_name, problem.kpi_kind, problem.currency))
    advised, today, bounds = {}, {}, {}
    for row in plan.channels.to_pylist():
        name = row["channel"].removesuffix(SPEND)
        advised[name], today[name] = row["spend"], row["initial_spend"]
        # A channel to which the model gives no effect gets nothing, below its bounds: the best plan
        # may do so too.
        low, high = (factor * row["initial_spend"] for factor in request.factors)
        bounds[name] = (min(low, row["spend"]), max(high, row["spend"]))
    return regret(case.truths, advised, bounds), regret(case.truths, today, bounds)


def estimates(result: EngineResult, model: str | None = None) -> list[ChannelEstimate]:
    """What a model says of the paid channels; the recommended model when none is named."""
    wanted = model or result.recommended
    return [
        ChannelEstimate(
            row["channel"].removesuffix(SPEND),
            row["contribution"],
            row["roi"],
            *(np.nan if row[name] is None else row[name] for name in ("roi_low", "roi_high")),
        )
        for row in result.tables["channels"].to_pylist()
        if row["model_id"] == wanted and row["kind"] == "paid"
    ]


def _country(path: Path) -> str | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8")).get("country")
    except (OSError, ValueError, AttributeError):
        return None
    return found if isinstance(found, str) else None


def _table(path: Path) -> pa.Table:
    with FileSource(path).batches() as batches:
        return pa.Table.from_batches(list(batches.read()), batches.schema)


def _truths(path: Path) -> tuple[ChannelTruth, ...]:
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        channels = read.get("channels", read)
        return tuple(
            ChannelTruth(
                name,
                float(values["spend"]),
                float(values["incremental_revenue"]),
                *_curve(values["response_curve"]),
            )
            for name, values in channels.items()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        fix = "It needs channels with spend, incremental_revenue, roi and response_curve."
        raise UserError(
            f"cannot be read as a truth ({error!r}).", where=str(path), fix=fix
        ) from None


def _curve(points: Any) -> tuple[np.ndarray, np.ndarray]:
    """(spends, responses) of a curve given as points, as pairs or as two lists."""
    if isinstance(points, dict):
        spend, response = list(points.values())[:2]
    else:
        spend, response = zip(
            *(tuple(item.values()) if isinstance(item, dict) else item for item in points),
            strict=True,
        )
    return np.asarray(spend, float), np.asarray(response, float)


def _mapping(table: pa.Table, channels: list[str], where: str) -> Mapping:
    """Spends as the truth names them; date and KPI as proposed from the table; every other number
    is a control.
    """
    proposal = propose(table)
    roles = {item.role: item.column for item in proposal.columns if item.role in ("date", "kpi")}
    if set(roles) != {"date", "kpi"}:
        raise UserError("has no column that can be told as the date and the KPI.", where=where)
    media = {name + ending for name in channels for ending in (SPEND, "_impressions")}
    controls = [
        field.name
        for field in table.schema
        if field.name not in {*roles.values(), *media}
        and (pa.types.is_integer(field.type) or pa.types.is_floating(field.type))
    ]
    return Mapping(
        date=roles["date"],
        kpi=roles["kpi"],
        paid=tuple(PaidColumns(spend=name + SPEND) for name in channels),
        context=tuple(SignedColumn(column=name) for name in controls),
    )


def _lift_tests(path: Path) -> tuple[LiftTestConfig, ...]:
    if not path.exists():
        return ()
    tests = []
    for row in _table(path).to_pylist():
        channels = tuple(part.strip() + SPEND for part in str(row.pop("channel")).split("+"))
        tests.append(LiftTestConfig.model_validate({**row, "channels": channels}))
    return tuple(tests)
