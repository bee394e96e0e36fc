"""Preparation: a dataset and a recipe give a new dataset. The same input and recipe give the same
dataset id.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from mmm.access import User
from mmm.data.calendar import Cadence
from mmm.data.columns import (
    Times,
    is_text,
    listed,
    read_numbers,
    read_texts,
    read_times,
    require_columns,
    rows_text,
)
from mmm.data.long_form import spread
from mmm.data.markets import doubtful, read_markets, taken_for
from mmm.data.optimise import optimise
from mmm.data.prepare.across import across
from mmm.data.prepare.derive import derive
from mmm.data.prepare.grid import build_grid, fill_gaps, find_step, listed_days
from mmm.data.prepare.one_currency import (
    currencies_after,
    currency_notes,
    require_one_currency,
)
from mmm.data.prepare.proposal import propose_long_recipe, propose_part_recipe, propose_recipe
from mmm.data.prepare.recipe import MarketRule, Recipe, parse_recipe
from mmm.data.prepare.resample import find_periods, resample
from mmm.data.quality.currencies import currency_like
from mmm.errors import Finding, InvalidInput, UserError
from mmm.sources.base import Batches
from mmm.workspace import DatasetManifest, Workspace
from mmm.workspace.names import checked_name
from mmm.workspace.tables import currencies_of, with_currencies

__all__ = [
    "Prepared",
    "Recipe",
    "parse_recipe",
    "prepare",
    "prepare_dataset",
    "propose_long_recipe",
    "propose_part_recipe",
    "propose_recipe",
    "source_columns",
]


#: How the refusal of columns with gaps begins; those of all columns and markets are told at once.
_CANNOT = "these columns cannot be prepared:"


@dataclass(frozen=True)
class Prepared:
    """A prepared table. `market` is set where the recipe splits the source by market; `notes` say
    what was done.
    """

    table: pa.Table
    notes: tuple[str, ...]
    market: str | None = None


@dataclass(frozen=True)
class _Resampled:
    """One market's columns by period: `starts` (P,) and each column (P,)."""

    starts: np.ndarray
    columns: dict[str, np.ndarray]
    notes: list[str]


def prepare(table: pa.Table, recipe: Recipe) -> tuple[Prepared, ...]:
    """Apply the recipe: one table, or one per market where it splits. Raises UserError naming
    column and date.
    """
    require_columns(table, recipe.source_columns(), "the recipe")
    _require_one_currency(table, recipe)
    table, spread_notes = _wide(table, recipe)
    currencies = currencies_after(recipe, currencies_of(table))
    money_notes = [*_turned(recipe), *currency_notes(recipe, currencies)]
    table, groups, notes = _groups(table, recipe.market)
    notes = spread_notes + notes + money_notes
    times, zone = _times(table, recipe)
    values = {name: _with_empty(own) for name, own in _values(table, recipe).items()}
    inside = _window(times.days, recipe)
    cadence = find_step(_part(times, inside), f"column {recipe.date!r}")
    found: dict[str, _Resampled] = {}
    findings: list[Finding] = []
    for name, rows in groups.items():
        try:
            found[name] = _resampled(rows[inside[rows]], name, times, values, cadence, zone, recipe)
        except InvalidInput as error:
            if error.what != _CANNOT:
                raise
            findings += error.findings
    if findings:
        raise InvalidInput(_CANNOT, findings)
    for item in found.values():
        item.notes[:0] = notes
    if recipe.market and recipe.market.join == "split":
        finished = [_finished(item, recipe, name) for name, item in found.items()]
    else:
        single = next(iter(found.values()))
        joined = _combined(found, recipe) if len(found) > 1 else single
        finished = [_finished(joined, recipe)]
    return tuple(replace(item, table=with_currencies(item.table, currencies)) for item in finished)


def _turned(recipe: Recipe) -> list[str]:
    turned = [rule.column for rule in recipe.columns if rule.negate]
    return [f"The sign of {listed(turned)} was turned."] if turned else []


def _require_one_currency(table: pa.Table, recipe: Recipe) -> None:
    """As `require_one_currency`, before a long table is spread: by market where the recipe splits."""
    market = recipe.market
    if market is not None and market.column in table.column_names:
        parts = list(_groups(table, market)[1].values())
    else:
        parts = [np.arange(table.num_rows)]
    splits = market is not None and market.join == "split"
    require_one_currency(table, parts if splits else [np.concatenate(parts)])


def source_columns(manifest: DatasetManifest, recipe: Recipe) -> list[str]:
    """What has to be read of a dataset: the recipe's columns, and a column of currencies, which
    forbids to add up amounts of two.
    """
    wanted = recipe.source_columns()
    known = [column.name for column in manifest.columns]
    named = [name for name in known if name in wanted]
    return [*named, *(name for name in currency_like(manifest.columns) if name not in named)]


def _wide(table: pa.Table, recipe: Recipe) -> tuple[pa.Table, list[str]]:
    """The table with one row per date (and market), and what was done for that."""
    if recipe.pivot is None:
        return table, []
    wide = spread(table, recipe.date, recipe.pivot)
    require_columns(wide, recipe.wide_columns(), "the recipe")
    rows = f"{table.num_rows:,} rows became {wide.num_rows:,}"
    return wide, [f"Column {recipe.pivot.key!r} was spread into columns: {rows}."]


def prepare_dataset(
    workspace: Workspace, market: str, dataset_id: str, recipe: Recipe, by: User
) -> list[DatasetManifest]:
    """Prepare a stored dataset and store the result: in its market, or in each market's own where
    the recipe splits.

    Nothing is stored unless all of it can be.
    """
    workspace.permit(by, "dataset.prepare", f"{market}/{dataset_id}")
    parent = workspace.dataset(market, dataset_id)
    # Repeated names cannot be in a dataset; unknown ones are named by prepare.
    wanted = source_columns(parent, recipe)
    found = prepare(workspace.read_dataset(market, dataset_id, wanted), recipe)
    for item in found:
        checked_name(item.market or market, "market")
    manifests = [
        _store(workspace, item, item.market or market, parent, recipe, by) for item in found
    ]
    for manifest in manifests:
        subject = f"{manifest.market}/{manifest.dataset_id}"
        workspace.append_audit(by, "dataset.prepare", subject, parent=f"{market}/{dataset_id}")
    return manifests


def _store(
    workspace: Workspace,
    prepared: Prepared,
    market: str,
    parent: DatasetManifest,
    recipe: Recipe,
    by: User,
) -> DatasetManifest:
    table = prepared.table
    batches = Batches(
        table.schema,
        lambda: iter(table.to_batches()),
        tuple(str(kind) for kind in table.schema.types),
    )
    with tempfile.TemporaryDirectory(prefix="mmm-prepare-") as folder:
        optimised = optimise(batches, Path(folder) / "data.parquet")
        manifest = DatasetManifest(
            dataset_id=optimised.content_hash[:16],
            market=market,
            source="prepared",
            origin=parent.origin,
            rows=optimised.rows,
            bytes=optimised.bytes,
            content_hash=optimised.content_hash,
            columns=optimised.columns,
            notes=prepared.notes,
            created=datetime.now(UTC),
            created_by=by.id,
            parent=f"{parent.market}/{parent.dataset_id}",
            recipe=recipe.model_dump(mode="json"),
            currencies=currencies_of(table),
        )
        return workspace.save_dataset(manifest, optimised.path)


def _groups(
    table: pa.Table, rule: MarketRule | None
) -> tuple[pa.Table, dict[str, np.ndarray], list[str]]:
    """(the table, row numbers by wanted market, notes). Without a market rule all rows are one
    group, ''.
    """
    if rule is None:
        return table, {"": np.arange(table.num_rows)}, []
    markets = read_markets(table[rule.column])
    where = f"column {rule.column!r}"
    empty = np.flatnonzero(markets.codes < 0)
    if len(empty):
        what = f"no market in {rows_text(empty)}."
        finding = Finding("error", what, where, "Fill it in, or remove the rows.")
        raise InvalidInput("the markets cannot be told apart:", [finding])
    notes = [*markets.notes(), *taken_for(markets, rule.same, where)]
    markets = markets.joined(rule.same)
    notes += [f"{what}. {fix}" for what, fix in markets.doubtful()]
    unknown = [name for name in rule.keep if markets.find(name) is None]
    if unknown:
        raise UserError(
            f"there is no market {unknown[0]!r}.",
            where=where,
            fix=f"It has: {listed(sorted(markets.names))}.",
        )
    wanted = list(rule.keep or markets.names)
    if rule.join == "one" and len(wanted) > 1:
        fix = 'Keep one of them, or set "join" to "combine" or "split".'
        raise UserError(
            f"the table has {len(wanted)} markets: {listed(wanted)}.", where=where, fix=fix
        )
    rows = {name: np.flatnonzero(markets.codes == markets.find(name)) for name in wanted}
    return table, rows, notes


def _times(table: pa.Table, recipe: Recipe) -> tuple[Times, str | None]:
    """(the rows' times, the zone their days are counted in; None for times without a zone)."""
    column = table[recipe.date]
    own = column.type.tz if pa.types.is_timestamp(column.type) else None
    zone = (recipe.zone or own) if own else None
    times = read_times(column, zone)
    where = f"column {recipe.date!r}"
    if times is None:
        raise UserError(
            f"holds {column.type}, not dates.", where=where, fix="Name another date column."
        )
    findings = []
    if len(times.wrong):
        what = f"{rows_text(times.wrong)} cannot be read as a date, first {times.first_wrong}."
        findings.append(Finding("error", what, where, "Write dates as 2024-12-31."))
    if len(times.missing):
        what = f"no date in {rows_text(times.missing)}."
        findings.append(Finding("error", what, where, "Fill in the date or drop the row."))
    if findings:
        raise InvalidInput("the dates cannot be read:", findings)
    return times, zone


def _part(times: Times, inside: np.ndarray) -> Times:
    return Times(times.local[inside], times.instants[inside], times.wrong)


def _window(days: np.ndarray, recipe: Recipe) -> np.ndarray:
    """Which rows begin within the window."""
    inside = np.ones(len(days), bool)
    if recipe.start:
        inside &= days >= np.datetime64(recipe.start)
    if recipe.end:
        inside &= days <= np.datetime64(recipe.end)
    if not inside.any():
        what = f"has no rows in the window; the data cover {days.min()} to {days.max()}."
        raise UserError(
            what, where=f"column {recipe.date!r}", fix="Choose other start and end dates."
        )
    return inside


def _values(table: pa.Table, recipe: Recipe) -> dict[str, np.ndarray]:
    """Every column with a rule, (rows,): numbers with NaN, texts (object) with None where empty;
    flags made.
    """
    flags = {flag.name: flag for flag in recipe.flags}
    clash = [
        name for name in flags if name in table.column_names and name in recipe.source_columns()
    ]
    if clash:
        raise UserError(
            "the table has a column of this name.",
            where=f"flag {clash[0]!r}",
            fix="Rename the flag.",
        )
    found, findings = {}, []
    for rule in recipe.columns:
        flag = flags.get(rule.column)
        column = table[flag.column if flag else rule.column]
        if flag or (is_text(column.type) and rule.aggregate in ("first", "last")):
            texts = _texts(column)
            found[rule.column] = _flag(texts, flag.values) if flag else texts
            continue
        numbers = read_numbers(column)
        wrong = f"holds {column.type}, not numbers." if numbers is None else ""
        if numbers is not None and len(numbers.wrong):
            wrong = f"{rows_text(numbers.wrong)} hold no number, first {numbers.first_wrong}."
        if wrong or numbers is None:
            fix = "Correct the cells, take the text first or last, or flag its values."
            findings.append(Finding("error", wrong, f"column {rule.column!r}", fix))
        else:
            found[rule.column] = -numbers.values + 0.0 if rule.negate else numbers.values
    if findings:
        raise InvalidInput("the columns cannot be resampled by their rules:", findings)
    return found


def _with_empty(own: np.ndarray) -> np.ndarray:
    """The column and an empty cell, which the place -1 of a missing row then means."""
    return np.append(own, np.array([None if own.dtype == object else np.nan], own.dtype))


def _texts(column: pa.ChunkedArray) -> np.ndarray:
    codes, texts = read_texts(column if is_text(column.type) else column.cast(pa.string()))
    return np.array([*texts, None], object)[codes]


def _flag(texts: np.ndarray, values: tuple[str, ...]) -> np.ndarray:
    """1 where the text is one of the values, NaN where there is none."""
    return np.array([np.nan if text is None else float(text in values) for text in texts])


def _resampled(
    rows: np.ndarray,
    market: str,
    times: Times,
    values: dict[str, np.ndarray],
    cadence: Cadence | None,
    zone: str | None,
    recipe: Recipe,
) -> _Resampled:
    of = f" in market {market!r}" if market else ""
    where = f"column {recipe.date!r}{of}"
    if not len(rows):
        raise UserError(
            "no rows in the window.", where=where, fix="Leave the market out, or widen the window."
        )
    grid = build_grid(times, rows, cadence, zone, where, recipe.rule)
    periods = find_periods(grid, recipe.period, recipe.rule, where)
    columns, notes = {}, [f"{note}{of}" if of else note for note in periods.notes]
    findings: list[Finding] = []
    for rule in recipe.columns:
        own = values[rule.column][grid.rows]
        try:
            filled, said = fill_gaps(own, grid.labels, rule.gap, rule.column, of, rule.fill)
        except InvalidInput as error:
            findings += error.findings
            continue
        columns[rule.column] = resample(filled, periods, rule.aggregate)
        notes += said
    if findings:
        raise InvalidInput(_CANNOT, findings)
    return _Resampled(periods.starts, columns, notes)


def _combined(found: dict[str, _Resampled], recipe: Recipe) -> _Resampled:
    """All markets as one, over the periods that all of them have."""
    shared = None
    for item in found.values():
        shared = item.starts if shared is None else np.intersect1d(shared, item.starts)
    assert shared is not None  # noqa: S101 - there are at least two markets
    if not len(shared):
        fixes = [fix for _, fix in doubtful(list(found), [0] * len(found))]
        raise UserError(
            "the markets have no period in common.",
            where="market",
            fix=" ".join(["Keep markets that overlap.", *fixes]),
        )
    every = np.unique(np.concatenate([item.starts for item in found.values()]))
    lost = np.setdiff1d(every, shared)
    notes = list(dict.fromkeys(note for item in found.values() for note in item.notes))
    if len(lost):
        notes.append(
            f"Left out, for not every market has them: the {recipe.period} of {listed_days(lost)}."
        )
    stacks = {}
    for rule in recipe.columns:
        own = [item.columns[rule.column][np.isin(item.starts, shared)] for item in found.values()]
        stacks[rule.column] = np.stack(own)
    columns = across(stacks, recipe.columns, list(found), shared)
    return _Resampled(shared, columns, notes)


def _finished(item: _Resampled, recipe: Recipe, market: str | None = None) -> Prepared:
    """The table of the kept and derived columns."""
    columns, lost = derive(recipe.derived, item.columns, item.starts)
    notes = list(item.notes)
    if lost:
        first = "period" if lost == 1 else f"{lost} periods"
        notes.append(f"Left out, for lagged columns have no value there: the first {first}.")
    names = [rule.column for rule in recipe.columns if rule.keep] + [
        derived.name for derived in recipe.derived
    ]
    arrays: dict[str, Any] = {recipe.date: pa.array(item.starts[lost:], pa.date32())}
    arrays |= {name: _array(columns[name][lost:]) for name in names}
    return Prepared(pa.table(arrays), tuple(notes), market)


def _array(values: np.ndarray) -> pa.Array:
    return pa.array(values, pa.string() if values.dtype == object else pa.float64())
