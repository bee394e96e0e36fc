"""Datasets: immutable tables by market and content hash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmm.errors import AlreadyExists, NotFound
from mmm.workspace.models import DatasetManifest
from mmm.workspace.names import checked_dataset_id, checked_name
from mmm.workspace.part import Part
from mmm.workspace.stored import Found, read_all

if TYPE_CHECKING:
    import pyarrow as pa


class Datasets(Part):
    """datasets/<market>/<dataset_id>/data.parquet and manifest.json; a dataset exists when its
    manifest does.
    """

    def save_dataset(self, manifest: DatasetManifest, parquet_path: Path) -> DatasetManifest:
        """Store a Parquet file as a dataset. The same content in the same market again gives the
        first manifest, with the time at which it came again.
        """
        manifest = manifest.model_copy(update={"market": checked_name(manifest.market, "market")})
        folder = _folder(manifest.market, manifest.dataset_id)
        try:
            return self._again(self.dataset(manifest.market, manifest.dataset_id), manifest)
        except NotFound:
            self._objects.upload(f"{folder}/data.parquet", parquet_path)
        try:
            self._create(f"{folder}/manifest.json", manifest, "dataset")
        except AlreadyExists:
            return self.dataset(manifest.market, manifest.dataset_id)
        return manifest

    def _again(self, first: DatasetManifest, now: DatasetManifest) -> DatasetManifest:
        """The first manifest of the same content, marked as having come once more, with what was
        learnt of it now.
        """
        learnt: dict[str, Any] = {
            "stored_again": now.created,
            "archived": False,
            "notes": tuple(dict.fromkeys((*first.notes, *now.notes))),
            "currencies": first.currencies | now.currencies,
        }
        if first.reading is not None and now.reading is not None:
            # A file read anew: how it was read now counts, not how another one was.
            learnt |= {name: getattr(now, name) for name in ("notes", "currencies", "reading")}
        again = first.model_copy(update=learnt)
        key = f"{_folder(first.market, first.dataset_id)}/manifest.json"
        self._put(key, again, "dataset")
        return again

    def dataset(self, market: str, dataset_id: str) -> DatasetManifest:
        """The manifest; NotFound names the market and its datasets' ids."""
        try:
            key = f"{_folder(market, dataset_id)}/manifest.json"
            return self._read(key, DatasetManifest, "dataset")
        except NotFound:
            known = self._objects.folders(f"datasets/{checked_name(market, 'market')}")
            fix = (
                f"Its datasets are: {', '.join(known)}."
                if known
                else "It has none yet; `mmm ingest` makes one."
            )
            raise NotFound(
                f"market {market!r} has no dataset {dataset_id}.", where="dataset", fix=fix
            ) from None

    def markets(self) -> list[str]:
        """Names of the markets that have datasets."""
        return self._objects.folders("datasets")

    def label_dataset(
        self, market: str, dataset_id: str, changes: Mapping[str, str | bool]
    ) -> DatasetManifest:
        """Change what people call it: `name`, `description`, `archived`."""
        known = {
            name: changes[name] for name in ("name", "description", "archived") if name in changes
        }
        changed = self.dataset(market, dataset_id).model_copy(update=known)
        self._put(f"{_folder(market, dataset_id)}/manifest.json", changed, "dataset")
        return changed

    def datasets(
        self, market: str | None = None, *, archived: bool = False
    ) -> Found[DatasetManifest]:
        """Manifests of all datasets, or of one market's, newest first: by when each last came in;
        archived ones only if asked for. Beside them those that cannot be read.
        """
        markets = (
            self._objects.folders("datasets")
            if market is None
            else [checked_name(market, "market")]
        )
        keys = []
        for name in markets:
            for dataset_id in self._objects.folders(f"datasets/{name}"):
                key = f"datasets/{name}/{dataset_id}/manifest.json"
                if self._objects.exists(key):  # not yet while its data is being uploaded
                    keys.append(key)
        found, damaged = read_all(keys, lambda key: self._read(key, DatasetManifest, "dataset"))
        found = [manifest for manifest in found if archived or not manifest.archived]
        found.sort(key=lambda manifest: manifest.last_stored, reverse=True)
        return Found(found, damaged)

    def read_dataset(
        self, market: str, dataset_id: str, columns: Sequence[str] | None = None
    ) -> pa.Table:
        """The dataset's rows, all columns or the named ones; what currency a column is in stands in
        its field (`currencies_of`).
        """
        # pyarrow takes half a second to import; listing needs none
        from mmm.workspace.tables import read_parquet, with_currencies

        manifest = self.dataset(market, dataset_id)
        key = f"{_folder(market, dataset_id)}/data.parquet"
        table = read_parquet(self._objects.get_buffer(key), columns, self._objects.where(key))
        return with_currencies(table, manifest.currencies)


def _folder(market: str, dataset_id: str) -> str:
    return f"datasets/{checked_name(market, 'market')}/{checked_dataset_id(dataset_id)}"
