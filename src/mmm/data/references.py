"""What people call stored things: MARKET/DATASET (or MARKET/latest) and a mapping's NAME or
NAME@VERSION.
"""

from __future__ import annotations

from mmm.data.mapping import Mapping
from mmm.data.naming import naming_rules
from mmm.data.proposal import Proposal, propose
from mmm.data.saved_mappings import SavedMapping, load_mapping, reapply
from mmm.errors import Finding, InvalidInput, NotFound, UserError
from mmm.workspace import DatasetManifest, Workspace
from mmm.workspace.names import named_version

LATEST = "latest"


def find_dataset(workspace: Workspace, name: str) -> DatasetManifest:
    """The dataset called MARKET/ID, or the market's newest for MARKET/latest. UserError where there
    is none.
    """
    market, slash, dataset_id = name.rpartition("/")
    if not slash:
        fix = "Write MARKET/DATASET; `mmm datasets` and the page Connect list them."
        raise UserError("is not a dataset's name.", where=name or "dataset", fix=fix)
    if dataset_id != LATEST:
        return workspace.dataset(market, dataset_id)
    found = workspace.datasets(market)
    if found.unreadable and not found:
        raise found.unreadable[0]
    if not found:
        fix = "`mmm ingest` and the page Connect make one."
        raise NotFound(f"market {market!r} has no dataset yet.", where="dataset", fix=fix)
    return found[0]


def find_source(workspace: Workspace, name: str) -> tuple[DatasetManifest, str]:
    """(the dataset that a preparation starts from, a note or ""). MARKET/latest is here the newest
    one that was read in: a recipe is not to be run on its own result.
    """
    found = find_dataset(workspace, name)
    market, _, dataset_id = name.rpartition("/")
    if dataset_id != LATEST or found.parent is None:
        return found, ""
    read_in = [item for item in workspace.datasets(market) if item.parent is None]
    if not read_in:
        return found, ""
    source = read_in[0]
    note = f"{name} is {found.dataset_id}, which was prepared; its newest source is used, "
    return source, f"{note}{dataset_name(source)}."


def dataset_name(manifest: DatasetManifest) -> str:
    return f"{manifest.market}/{manifest.dataset_id}"


def find_mapping(workspace: Workspace, name: str) -> tuple[str, SavedMapping]:
    """(NAME@VERSION, the saved mapping) of what is called NAME@VERSION, or NAME for its newest
    version.
    """
    plain, version = named_version(name, "mapping")
    number = max(workspace.mapping_versions(plain), default=None) if version is None else version
    return f"{plain}@{number}", load_mapping(workspace, plain, number)


def mapping_saved_for(workspace: Workspace, manifest: DatasetManifest) -> str | None:
    """NAME@VERSION of a mapping that was saved for the dataset, or for the one it was prepared
    from; None where there is none.
    """
    wanted = {dataset_name(manifest), manifest.parent}
    for name in workspace.mapping_names():
        named, saved = find_mapping(workspace, name)
        if saved.dataset in wanted:
            return named
    return None


def proposal_for(workspace: Workspace, manifest: DatasetManifest) -> Proposal:
    """The roles the workspace's naming rules propose for the dataset."""
    return propose(
        workspace.read_dataset(manifest.market, manifest.dataset_id), naming_rules(workspace)
    )


def proposed(proposal: Proposal) -> Mapping:
    """The proposal's mapping; InvalidInput says what it lacks."""
    if proposal.mapping is None:
        findings = [item for item in proposal.findings if item.level == "error"]
        raise InvalidInput("no mapping can be proposed:", findings)
    return proposal.mapping


def mapping_for(
    workspace: Workspace, manifest: DatasetManifest, name: str | None
) -> tuple[Mapping, list[Finding]]:
    """The mapping to use on a dataset, and what differs from the data it was saved with.

    It is the one called `name`, or the proposed one for None. Raises InvalidInput where it does not
    fit the dataset.
    """
    if name is None:
        return proposed(proposal_for(workspace, manifest)), []
    _, saved = find_mapping(workspace, name)
    mapping, difference = reapply(saved, manifest)
    return mapping, difference.findings()
