"""Datasets and mappings: uploaded, described, checked; roles proposed and kept."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from mmm.data.ingest import ingest
from mmm.data.mapping import Mapping
from mmm.data.quality import review
from mmm.data.quality.currencies import columns_to_check
from mmm.data.references import find_dataset, find_mapping, mapping_for, proposal_for, proposed
from mmm.data.saved_mappings import save_mapping
from mmm.errors import UserError
from mmm.services.context import Context
from mmm.services.operation import Fields, Method, Nothing, Upload, operation
from mmm.services.runs import Name
from mmm.sources.guarded import GuardedFile
from mmm.sources.limits import ReadLimits
from mmm.workspace import DatasetManifest
from mmm.workspace.tokens import Scope

_ENDINGS = (".csv", ".tsv", ".txt", ".parquet", ".xlsx", ".xls", ".xlsb", ".ods")


class OfDataset(Fields):
    """`dataset` may be latest: the market's newest."""

    market: Name
    dataset: Name


class DatasetsAsked(Fields):
    market: Name = ""
    archived: bool = False


class DatasetInfo(Fields):
    market: str
    dataset_id: str
    name: str
    description: str
    origin: str
    rows: int
    columns: list[str]
    created: datetime
    created_by: str
    archived: bool


class DatasetList(Fields):
    """Newest first. `unreadable` says what of it could not be read."""

    datasets: list[DatasetInfo]
    unreadable: list[str]


class UploadAsked(Fields):
    """`name` is the file's; its ending says what it is."""

    market: Name
    name: Annotated[str, Field(min_length=1, max_length=200)]


class QualityAsked(OfDataset):
    """`mapping` is a saved one, NAME or NAME@VERSION; empty for the proposed one. `only` is one
    market of the mapping's market column.
    """

    mapping: Name = ""
    only: Name = ""


class Quality(Fields):
    """What `mmm quality --json` prints, and what differs from the data the mapping was saved for."""

    market: str
    dataset_id: str
    light: str
    report: dict[str, Any]
    notes: list[str]


class ProposedColumn(Fields):
    """`confidence` is of the role, 0 to 1."""

    column: str
    role: str
    partner: str | None
    confidence: float
    reason: str


class MappingProposal(Fields):
    """`mapping` is null where `findings` say what it lacks."""

    market: str
    dataset_id: str
    columns: list[ProposedColumn]
    mapping: dict[str, Any] | None
    findings: list[str]


class MappingNames(Fields):
    mappings: list[str]


class MappingAsked(Fields):
    """NAME, or NAME@VERSION."""

    name: Name


class MappingOut(Fields):
    name: str
    dataset: str
    mapping: Mapping


class MappingBody(Fields):
    """The dataset MARKET/ID that the mapping is for; without `mapping` the proposed one is kept."""

    dataset: Name
    mapping: Mapping | None = None


class MappingSaved(Fields):
    name: str
    version: int


@operation(Method.GET, "/datasets", Scope.READ)
def list_datasets(context: Context, asked: DatasetsAsked) -> DatasetList:
    """List datasets, newest first."""
    found = context.workspace.datasets(asked.market or None, archived=asked.archived)
    return DatasetList(
        datasets=[_info(manifest) for manifest in found],
        unreadable=[str(damage) for damage in found.unreadable],
    )


def _info(manifest: DatasetManifest) -> DatasetInfo:
    return DatasetInfo(
        market=manifest.market,
        dataset_id=manifest.dataset_id,
        name=manifest.name,
        description=manifest.description,
        origin=manifest.origin,
        rows=manifest.rows,
        columns=[column.name for column in manifest.columns],
        created=manifest.created,
        created_by=manifest.created_by,
        archived=manifest.archived,
    )


@operation(Method.GET, "/datasets/{market}/{dataset}", Scope.READ)
def describe_dataset(context: Context, asked: OfDataset) -> DatasetManifest:
    """Describe a dataset: columns with types and ranges, how it was read, notes."""
    return _dataset(context, asked)


def _dataset(context: Context, asked: OfDataset) -> DatasetManifest:
    return find_dataset(context.workspace, f"{asked.market}/{asked.dataset}")


@operation(Method.POST, "/datasets/{market}", Scope.WRITE, once=True)
def upload_dataset(context: Context, asked: UploadAsked, body: Upload) -> DatasetManifest:
    """Store a file (CSV, Parquet, Excel) as a dataset. The same content again gives the same one."""
    context.workspace.permit(context.user, "dataset.ingest", asked.market)
    ending = Path(asked.name).suffix.lower()
    if ending not in _ENDINGS:
        fix = f"Its name ends in one of {', '.join(_ENDINGS)}."
        raise UserError("is no kind of file that can be read.", where=asked.name[-40:], fix=fix)
    limits = ReadLimits.of(context.settings)
    with tempfile.TemporaryDirectory(prefix="mmm-upload-") as folder:
        file = Path(folder) / f"upload{ending}"
        file.write_bytes(body.data)
        return ingest(
            GuardedFile(file, limits=limits),
            market=asked.market,
            origin=asked.name,
            workspace=context.workspace,
            by=context.user,
        )


@operation(Method.GET, "/datasets/{market}/{dataset}/quality", Scope.READ)
def check_quality(context: Context, asked: QualityAsked) -> Quality:
    """Check a dataset before any compute: lights, findings, what to do."""
    manifest = _dataset(context, asked)
    used, differences = mapping_for(context.workspace, manifest, asked.mapping or None)
    columns = columns_to_check(manifest.columns, used)
    table = context.workspace.read_dataset(manifest.market, manifest.dataset_id, columns)
    report = review(table, used, market=asked.only or None)
    return Quality(
        market=manifest.market,
        dataset_id=manifest.dataset_id,
        light=report.light.value,
        report=report.as_json(),
        notes=[str(finding) for finding in differences],
    )


@operation(Method.GET, "/datasets/{market}/{dataset}/proposal", Scope.READ)
def propose_mapping(context: Context, asked: OfDataset) -> MappingProposal:
    """Propose a role for every column, with the confidence and the reason."""
    manifest = _dataset(context, asked)
    found = proposal_for(context.workspace, manifest)
    columns = []
    for column in found.columns:
        given = asdict(column)
        columns.append(
            ProposedColumn(**{name: given[name] for name in ProposedColumn.model_fields})
        )
    return MappingProposal(
        market=manifest.market,
        dataset_id=manifest.dataset_id,
        columns=columns,
        mapping=None if found.mapping is None else found.mapping.model_dump(mode="json"),
        findings=[str(finding) for finding in found.findings],
    )


@operation(Method.GET, "/mappings", Scope.READ)
def list_mappings(context: Context, asked: Nothing) -> MappingNames:
    """List the names of saved mappings."""
    return MappingNames(mappings=context.workspace.mapping_names())


@operation(Method.GET, "/mappings/{name}", Scope.READ)
def get_mapping(context: Context, asked: MappingAsked) -> MappingOut:
    """Give a saved mapping, its newest version or the named one."""
    name, saved = find_mapping(context.workspace, asked.name)
    return MappingOut(name=name, dataset=saved.dataset, mapping=saved.mapping)


@operation(Method.POST, "/mappings/{name}", Scope.WRITE)
def store_mapping(context: Context, asked: MappingAsked, body: MappingBody) -> MappingSaved:
    """Keep a mapping as the next version of a name."""
    manifest = find_dataset(context.workspace, body.dataset)
    mapping = body.mapping
    if mapping is None:
        mapping = proposed(proposal_for(context.workspace, manifest))
    version = save_mapping(context.workspace, asked.name, mapping, manifest, context.user)
    return MappingSaved(name=asked.name, version=version)
