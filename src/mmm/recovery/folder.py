"""A folder with known truth: data.csv, truth.json and, where there are any, lift tests in
experiments.csv.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from mmm.data.mapping import Mapping, PaidColumns, SignedColumn
from mmm.data.proposal import propose
from mmm.engines import DEFAULT_ENGINE
from mmm.errors import UserError
from mmm.experiments.config import DatasetRef, Experiment, LiftTestConfig
from mmm.plain_json import read_json
from mmm.recovery.columns import named_columns, spend_columns
from mmm.recovery.truth import read_truths
from mmm.scoring.score import ChannelTruth
from mmm.sources.guarded import GuardedFile

#: The columns that tell a panel's geos apart and how large they are.
GEO, POPULATION = "geo", "population"
#: Units of exposure whose columns `<channel>_<unit>` belong to a channel and are no controls.
_EXPOSURES = ("impressions", "clicks", "views", "grps", "reach", "frequency")
LIFT_TESTS = "experiments.csv"


@dataclass(frozen=True)
class Case:
    """One folder, read: its experiment, table and truth. `columns` gives the spend's column of
    each channel of the truth.
    """

    name: str
    experiment: Experiment
    table: pa.Table
    truths: tuple[ChannelTruth, ...]
    columns: dict[str, str]


@dataclass(frozen=True)
class CaseOptions:
    """How folders are read and trained. `mapping` is JSON of an experiment's mapping, for columns
    whose names are not the truth's; `lift_tests` names the file of tests in the folder.
    """

    engine: str = DEFAULT_ENGINE
    settings: dict[str, Any] | None = None
    country: str | None = None
    mapping: Path | None = None
    lift_tests: str = LIFT_TESTS


def read_case(folder: Path, options: CaseOptions | None = None) -> Case:
    """Read a folder; its columns are a date, the KPI, spends, exposures (not modelled) and
    controls. A panel (columns `geo`, `population`) is mapped as one, which engines that model no
    panels sum to the nation.

    Without `country`, its own experiment.json may name one, whose holidays are then modelled; it
    may hold a mapping, too. UserError for what is missing or can't be told.
    """
    options = options or CaseOptions()
    where = str(folder / "data.csv")
    table = _table(folder / "data.csv")
    truths = read_truths(folder / "truth.json", _periods(table, where))
    own = _own_experiment(folder / "experiment.json")
    given = _given_mapping(options.mapping, own)
    known = [] if given is None else [paid.spend for paid in given.paid]
    columns = spend_columns(table, truths, known, where)
    mapping = given or _mapping(table, list(columns.values()), list(columns), where)
    mapping = _with_geo(mapping, table)
    country = options.country or own.get("country")
    experiment = Experiment(
        name=folder.name,
        dataset=DatasetRef(market="simulated", dataset_id="0" * 16),
        mapping=mapping,
        country=country if isinstance(country, str) else None,
        lift_tests=_lift_tests(folder / options.lift_tests, columns),
        engine=options.engine,
        settings=options.settings or {},
    )
    return Case(folder.name, experiment, table, truths, columns)


def _own_experiment(path: Path) -> dict[str, Any]:
    try:
        found = read_json(path.read_bytes(), where=str(path))
    except (OSError, UserError):
        return {}
    return found if isinstance(found, dict) else {}


def _given_mapping(path: Path | None, own: dict[str, Any]) -> Mapping | None:
    """The mapping of the file, else of the folder's experiment; None where neither has one."""
    if path is None:
        if "mapping" in own:
            return Mapping.model_validate(own["mapping"])
        return None
    try:
        read = read_json(path.read_bytes(), where=str(path))
        return Mapping.model_validate(read.get("mapping", read))
    except (OSError, ValueError, AttributeError) as error:
        raise UserError(f"cannot be read as a mapping ({error}).", where=str(path)) from None


def _table(path: Path) -> pa.Table:
    with GuardedFile(path).batches() as batches:
        return pa.Table.from_batches(list(batches.read()), batches.schema)


def _roles(table: pa.Table, where: str) -> dict[str, str]:
    """The columns of date and KPI as proposed from the table."""
    roles: dict[str, str] = {
        item.role: item.column for item in propose(table).columns if item.role in ("date", "kpi")
    }
    if set(roles) != {"date", "kpi"}:
        raise UserError("has no column that can be told as the date and the KPI.", where=where)
    return roles


def _periods(table: pa.Table, where: str) -> int:
    """How many periods the table covers: its rows, or those of one market of a panel."""
    if GEO not in table.column_names:
        return table.num_rows
    markets = len(table[GEO].unique())
    if table.num_rows % markets:
        raise UserError("its markets differ in how many periods they have.", where=where)
    return table.num_rows // markets


def _with_geo(mapping: Mapping, table: pa.Table) -> Mapping:
    """The mapping with the panel's columns where the table has them."""
    if GEO not in table.column_names or mapping.geo is not None:
        return mapping
    population = POPULATION if POPULATION in table.column_names else None
    return mapping.model_copy(update={"geo": GEO, "population": population, "market": None})


def _is_number(field: pa.Field) -> bool:
    return bool(pa.types.is_integer(field.type) or pa.types.is_floating(field.type))


def _mapping(table: pa.Table, spends: list[str], names: list[str], where: str) -> Mapping:
    """Spends as told; date and KPI as proposed from the table; every other number that varies and
    is no exposure of a channel is a control.
    """
    roles = _roles(table, where)
    exposures = {f"{name}_{unit}" for name in names for unit in _EXPOSURES}
    taken = {*roles.values(), *spends, *exposures, GEO, POPULATION}
    controls = []
    for field in table.schema:
        if field.name in taken or not _is_number(field):
            continue
        if len(table[field.name].unique()) > 1:
            controls.append(field.name)
    return Mapping(
        date=roles["date"],
        kpi=roles["kpi"],
        paid=tuple(PaidColumns(spend=name) for name in spends),
        context=tuple(SignedColumn(column=name) for name in controls),
    )


def _lift_tests(path: Path, columns: dict[str, str]) -> tuple[LiftTestConfig, ...]:
    """The tests of a file; columns that a lift test does not have are not read."""
    if not path.exists() or _only_headings(path):
        return ()
    tests = []
    for row in _table(path).to_pylist():
        names = [part.strip() for part in str(row.pop("channel")).split("+")]
        channels = named_columns(names, columns, str(path))
        known = {name: row[name] for name in LiftTestConfig.model_fields if name in row}
        given = {name: value for name, value in known.items() if _is_given(value)}
        tests.append(LiftTestConfig.model_validate({**given, "channels": channels}))
    return tuple(tests)


def _only_headings(path: Path) -> bool:
    """Whether the file has no more than one line: a market without tests."""
    return len(path.read_bytes().strip().splitlines()) == 1


def _is_given(value: Any) -> bool:
    return value is not None and not (isinstance(value, float) and math.isnan(value))
