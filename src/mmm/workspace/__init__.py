"""Typed access to everything that lasts: the only place that knows paths in the bucket or folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmm.errors import UserError
from mmm.workspace.audit import Audit
from mmm.workspace.batches import Batches
from mmm.workspace.connections import Connections
from mmm.workspace.datasets import Datasets
from mmm.workspace.documents import Documents
from mmm.workspace.drafts import Drafts
from mmm.workspace.models import ColumnProfile, DatasetManifest
from mmm.workspace.notices import Notices
from mmm.workspace.objects import Objects, open_store
from mmm.workspace.once import Once
from mmm.workspace.results import Results, ResultsWriter
from mmm.workspace.runs import RunHistory, Runs
from mmm.workspace.schedules import Schedules
from mmm.workspace.sign_outs import SignOuts
from mmm.workspace.tokens import Tokens

if TYPE_CHECKING:
    from mmm.settings import Settings

__all__ = ["ColumnProfile", "DatasetManifest", "ResultsWriter", "Workspace"]


class Workspace(
    Audit,
    Batches,
    Connections,
    Datasets,
    Documents,
    Drafts,
    Runs,
    RunHistory,
    Results,
    SignOuts,
    Schedules,
    Notices,
    Once,
    Tokens,
):
    """A workspace at a URL: file:///folder, s3://bucket[/prefix], gs://bucket[/prefix], or
    memory:// (for tests).

    Each part is an interface of its own; this class only brings them together. Safe to share
    between threads.
    """

    def __init__(self, url: str, settings: Settings | None = None, *, create: bool = True) -> None:
        super().__init__(Objects(open_store(url, settings, create=create), url))
        self.url = url.rstrip("/")

    @property
    def objects(self) -> Objects:
        """Everything by key, for what works on the workspace as a whole."""
        return self._objects

    @classmethod
    def open(cls, settings: Settings) -> Workspace:
        """The workspace the settings name."""
        return cls(settings.workspace_url, settings)

    @classmethod
    def of_run(cls, run_uri: str, settings: Settings | None = None) -> tuple[Workspace, str]:
        """The workspace and the run id in a run's URI; NotFound when there is no such run."""
        url, marker, run_id = run_uri.rstrip("/").rpartition("/runs/")
        if not marker:
            raise UserError(
                "is not a run's address.",
                where=run_uri,
                fix="It looks like s3://bucket/runs/<run id>.",
            )
        workspace = cls(url, settings, create=False)
        workspace.job_config(run_id)
        return workspace, run_id

    @classmethod
    def of_batch(cls, batch_uri: str, settings: Settings | None = None) -> tuple[Workspace, str]:
        """The workspace and the batch id in a batch's URI; UserError when it is none."""
        url, marker, batch_id = batch_uri.rstrip("/").rpartition("/batches/")
        if not marker:
            fix = "It looks like s3://bucket/batches/<batch id>."
            raise UserError("is not a batch's address.", where=batch_uri, fix=fix)
        return cls(url, settings, create=False), batch_id

    @staticmethod
    def is_batch_uri(uri: str) -> bool:
        """Whether an address is a batch's, not a run's."""
        return uri.rstrip("/").rpartition("/")[0].endswith("/batches")

    def batch_uri(self, batch_id: str) -> str:
        """What a task of a batch's job is given."""
        return f"{self.url}/batches/{batch_id}"

    def run_uri(self, run_id: str) -> str:
        """What a training task is given."""
        return f"{self.url}/runs/{run_id}"
