"""Results in the workspace: the engine's tables and the summary, written at once, read when asked
for; and the report, which is drawn from them.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Hashable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from mmm.certificate.certificate import Certificate, read_certificate
from mmm.engines.base import EngineResult, Problem, Progress, ProgressListener
from mmm.engines.schemas import SCHEMAS, complete, kept_ids
from mmm.errors import NotFound
from mmm.results.advice import Advice, read_advice
from mmm.results.forecast_score import ForecastScore, read_score
from mmm.results.model_summary import RunInfo, summarise, summary_of_today
from mmm.workspace import Workspace
from mmm.workspace.models import ResultsManifest

if TYPE_CHECKING:
    import pyarrow as pa

SUMMARY, REPORT = "model_summary.json", "report.html"
ADVICE, FORECAST_SCORE = "advice.json", "forecast_score.json"
#: Files of an engine's own up to so many bytes each are in the ZIP.
_LARGEST_ZIPPED = 50_000_000
#: The file of a certificate among the results of the study that made it.
CERTIFICATE = "certificate.json"

Read = TypeVar("Read")


def write_results(
    workspace: Workspace,
    run: RunInfo,
    problem: Problem,
    result: EngineResult,
    progress: ProgressListener,
) -> None:
    """Write all tables as Parquet, the summary and the engine's own files; all become visible
    together, at the end. Whatever is drawn of them comes later: see `draw_report`.
    """
    total = len(SCHEMAS) + 1
    writer = workspace.results_writer(run.run_id)
    for done, name in enumerate(SCHEMAS):
        progress(Progress("results", done, total, message=f"Writing {name}"))
        writer.table(name, result.tables[name])
    progress(Progress("results", total - 1, total, message="Writing the summary"))
    summary = summarise(run, problem, result)
    writer.file(SUMMARY, json.dumps(summary, indent=1, allow_nan=False, default=str) + "\n")
    for name, data in result.files.items():
        writer.artifact(name, data)
    writer.commit()
    progress(Progress("results", total, total))


def draw_report(results: RunResults) -> str:
    """The report on the recommended model, drawn and kept beside the results, in place of an earlier
    one.
    """
    from mmm.results.report import render_report  # draws charts; reading results needs none of it

    page = render_report(results, results.summary)
    results.keep_report(page)
    return page


class RunResults(Mapping[str, "pa.Table"]):
    """A run's result tables by name, each read when first asked for, with the summary and the
    report beside them.

    All of one set of results, the newest when they were asked for.
    """

    def __init__(self, workspace: Workspace, run_id: str, manifest: ResultsManifest) -> None:
        self._workspace = workspace
        self._run_id = run_id
        self._manifest = manifest
        self._tables: dict[str, pa.Table] = {}
        self._made: dict[Hashable, Any] = {}

    def __getitem__(self, name: str) -> pa.Table:
        if name not in SCHEMAS:
            raise KeyError(name)
        if name not in self._tables:
            if f"{name}.parquet" in self._manifest.files:
                stored = self._workspace.result_table(self._run_id, name, manifest=self._manifest)
                self._tables[name] = complete(name, stored)
            else:  # of an earlier version, which did not have this table yet
                self._tables[name] = SCHEMAS[name].empty_table()
        return self._tables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(SCHEMAS)

    def __len__(self) -> int:
        return len(SCHEMAS)

    def kept_in_memory(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """What `make` makes of these tables, made once: they never change."""
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    @property
    def summary_text(self) -> str:
        return self._workspace.result_file(self._run_id, SUMMARY, self._manifest).decode()

    @cached_property
    def summary(self) -> dict[str, Any]:
        return summary_of_today(json.loads(self.summary_text))

    @cached_property
    def certificate(self) -> Certificate | None:
        """What simulated worlds say of the run's numbers; None while it is not certified."""
        study_id = newest_certificate(self._workspace, self._run_id)
        if study_id is None:
            return None
        return read_certificate(self._workspace.result_file(study_id, CERTIFICATE))

    @property
    def advice(self) -> Advice | None:
        """What to change next quarter; None while no advice has been made."""
        return self._kept(ADVICE, read_advice)

    def keep_advice(self, advice: Advice) -> None:
        self._workspace.save_derived(self._run_id, ADVICE, advice.to_json(), self._manifest)

    @property
    def forecast_score(self) -> ForecastScore | None:
        """How well the model before forecast a refresh's new periods; None while that was not looked
        at, and of a run that is no refresh.
        """
        return self._kept(FORECAST_SCORE, read_score)

    def keep_forecast_score(self, score: ForecastScore) -> None:
        self._workspace.save_derived(self._run_id, FORECAST_SCORE, score.to_json(), self._manifest)

    def _kept(self, name: str, read: Callable[[bytes], Read]) -> Read | None:
        """What was made of the results and kept beside them; None while nothing was."""
        kept = self._workspace.derived_file(self._run_id, name, self._manifest)
        if kept is None:
            return None
        try:
            return read(kept)
        except ValueError:  # an earlier version's: it is made anew
            return None

    def require_kept(self, model_id: str, where: str = "model") -> str:
        """The id of a kept model as given; NotFound for any other names the best of those there
        are.
        """
        kept = kept_ids(self)
        if model_id not in kept:
            models = (
                self["models"]
                .select(["model_id", "score"])
                .sort_by("score")["model_id"]
                .to_pylist()
            )
            best = [name for name in models if name in kept]
            fix = f"It has kept {', '.join(best[:8])}{', ...' if len(best) > 8 else ''}."
            raise NotFound(
                f"run {self._run_id} has kept no model {model_id!r}.", where=where, fix=fix
            )
        return model_id

    @property
    def report(self) -> str:
        """The report on the recommended model, drawn now where it has not been yet."""
        kept = self._workspace.derived_file(self._run_id, REPORT, self._manifest)
        return draw_report(self) if kept is None else kept.decode()

    def keep_report(self, page: str) -> None:
        self._workspace.save_derived(self._run_id, REPORT, page.encode(), self._manifest)


def newest_certificate(workspace: Workspace, run_id: str) -> str | None:
    """The id of the newest finished certificate of a run; None while there is none."""
    for study_id in reversed(workspace.study_ids(run_id, "certificate")):
        if workspace.results_exist(study_id):
            return study_id
    return None


def zipped_artifacts(workspace: Workspace, run_id: str) -> tuple[list[str], list[str]]:
    """(files in the ZIP of what the run's engine wrote, files that are too large for it)."""
    manifest = workspace.results_manifest(run_id)
    names = workspace.result_artifacts(run_id, manifest)
    large = [name for name in names if manifest.files[f"artifacts/{name}"].bytes > _LARGEST_ZIPPED]
    return [name for name in names if name not in large], large


def artifacts_zip(workspace: Workspace, run_id: str) -> bytes:
    """The files that the run's engine wrote in formats of its own, as one ZIP file; without those
    that are too large to be held in memory, which `mmm export` writes.
    """
    packed, manifest = io.BytesIO(), workspace.results_manifest(run_id)
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in zipped_artifacts(workspace, run_id)[0]:
            archive.writestr(name, workspace.result_artifact(run_id, name, manifest))
    return packed.getvalue()


def read_results(workspace: Workspace, run_id: str) -> RunResults:
    """The results of a run; NotFound while it has none."""
    return RunResults(workspace, run_id, workspace.results_manifest(run_id))
