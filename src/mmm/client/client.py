"""`mmm.connect`: a workspace on a server, or here."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mmm.client.run import Run
from mmm.client.transport import Http, Local, Transport
from mmm.errors import UserError
from mmm.platforms.local.user import local_user
from mmm.services.context import Services
from mmm.settings import Settings, load_settings


def connect(
    url: str | None = None, token: str | None = None, *, settings: Settings | None = None
) -> Client:
    """A client of the server at `url`, with a token of `mmm token create`; without an address the
    workspace of the settings in this process, as the command line has it.
    """
    if url is not None:
        if not token:
            fix = "`mmm token create` makes one, or an administrator on the page Admin."
            raise UserError("is needed.", where="token", fix=fix)
        return Client(Http(url, token))
    chosen = settings or load_settings().settings
    return Client(Local(Services.open(chosen), local_user()))


class Client:
    """What can be done with a workspace. Made by `mmm.connect`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def call(self, operation: str, body: Any = None, **fields: Any) -> Any:
        """Any operation of the API by its name; see the OpenAPI document."""
        return self._transport.call(operation, fields, body)

    def datasets(self, market: str = "") -> list[dict[str, Any]]:
        """All datasets, newest first."""
        found: list[dict[str, Any]] = self.call("list_datasets", market=market)["datasets"]
        return found

    def upload(self, data: Any, market: str, name: str = "") -> dict[str, Any]:
        """Store a file (its path) or a data frame (pandas, polars, Arrow) as a dataset. The same
        content again gives the same one.
        """
        if isinstance(data, str | Path):
            path = Path(data)
            try:
                sent, name = path.read_bytes(), name or path.name
            except OSError as error:
                raise UserError(f"cannot be read: {error.strerror}.", where=str(path)) from None
        else:
            sent, name = _parquet(data), name or "frame.parquet"
        found: dict[str, Any] = self.call("upload_dataset", sent, market=market, name=name)
        return found

    def proposal(self, market: str, dataset: str = "latest") -> dict[str, Any]:
        """A role for every column, with the confidence and the reason."""
        found: dict[str, Any] = self.call("propose_mapping", market=market, dataset=dataset)
        return found

    def quality(self, market: str, dataset: str = "latest", mapping: str = "") -> dict[str, Any]:
        """Lights, findings, what to do."""
        fields = {"market": market, "dataset": dataset, "mapping": mapping}
        found: dict[str, Any] = self.call("check_quality", **fields)
        return found

    def save_mapping(
        self, name: str, dataset: str, mapping: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Keep a mapping, the proposed one where none is given."""
        body = {"dataset": dataset, "mapping": mapping}
        found: dict[str, Any] = self.call("store_mapping", body, name=name)
        return found

    def validate(self, experiment: dict[str, Any] | None = None, **given: Any) -> dict[str, Any]:
        """Check an experiment against its data; start nothing."""
        body = {"experiment": experiment, **given}
        found: dict[str, Any] = self.call("validate_experiment", body)
        return found

    def estimate(self, experiment: dict[str, Any] | None = None, **given: Any) -> dict[str, Any]:
        """Say what a run would take; start nothing."""
        body = {"experiment": experiment, **given}
        found: dict[str, Any] = self.call("estimate_experiment", body)
        return found

    def submit(
        self,
        experiment: dict[str, Any] | None = None,
        *,
        data: Any = None,
        market: str = "",
        template: str | None = None,
        dataset: str | None = None,
        changes: dict[str, Any] | None = None,
        preset: str | None = None,
        key: str | None = None,
    ) -> Run:
        """Start a run of an experiment, or of a template, on a dataset (MARKET/ID).

        `data` is stored first, see `upload`; an experiment without a mapping then takes the proposed
        one. With the same `key` it is started once.
        """
        if data is not None:
            if not market:
                raise UserError("is needed with data.", where="market", fix="Like market='DE'.")
            stored = self.upload(data, market)
            dataset = f"{market}/{stored['dataset_id']}"
            if template is None:
                experiment = {"mapping": self._mapping(dataset), **(experiment or {})}
        body = {
            "experiment": experiment,
            "template": template,
            "dataset": dataset,
            "changes": changes or {},
            "preset": preset,
        }
        told = self._transport.call("submit_run", {}, body, key)
        return Run(self._transport, told["run_id"])

    def _mapping(self, dataset: str) -> dict[str, Any]:
        market, _, dataset_id = dataset.rpartition("/")
        found = self.proposal(market, dataset_id)
        if found["mapping"] is None:
            fix = "Give the experiment a mapping."
            what = f"no mapping can be proposed: {' '.join(found['findings'])}"
            raise UserError(what, where=dataset, fix=fix)
        mapping: dict[str, Any] = found["mapping"]
        return mapping

    def run(self, run: str = "latest") -> Run:
        """A run by its id, an unambiguous start of one, or latest; NotFound where there is none."""
        return Run(self._transport, self.call("get_run", run=run)["run_id"])

    def runs(self, **wanted: str) -> Iterator[Run]:
        """Runs, newest first; of a state, market, engine, batch, or with a text."""
        before = ""
        while True:
            page = self.call("list_runs", before=before, **wanted)
            for status in page["runs"]:
                yield Run(self._transport, status["run_id"])
            if page["next"] is None:
                return
            before = page["next"]

    def compare(self, *runs: str) -> dict[str, Any]:
        """Two to four runs side by side."""
        found: dict[str, Any] = self.call("compare", runs=",".join(runs))
        return found

    def plans(self) -> list[str]:
        """Ids of the newest plans."""
        found: list[str] = self.call("list_plans", limit=200)["plans"]
        return found

    def get_plan(self, plan_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.call("get_plan", plan_id=plan_id)
        return found


def _parquet(data: Any) -> bytes:
    """A data frame as a Parquet file; UserError for what is none."""
    try:
        if hasattr(data, "to_parquet") and hasattr(data, "iloc"):
            table = pa.Table.from_pandas(data, preserve_index=False)
        else:
            table = pa.table(data)
        packed = io.BytesIO()
        pq.write_table(table.replace_schema_metadata(None), packed)
    except (TypeError, ValueError, pa.ArrowException) as error:
        fix = "Give a path, or a frame of pandas, polars or Arrow."
        raise UserError(f"is no table ({error}).", where="data", fix=fix) from None
    return packed.getvalue()
