"""Which models of a run are kept, and in which order they are offered: one rule for every view,
report, page and command.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from mmm.engines.schemas import is_kept, kept_ids
from mmm.results.summary import Tables


def kept_models(tables: Tables) -> pa.Table:
    """The rows of `models` that are kept: the recommended first, then by front and error where the
    engine has them.
    """
    models = tables["models"]
    kept = models.filter(is_kept(tables))
    order = [("recommended", "descending"), ("front", "ascending"), ("nrmse", "ascending")]
    return kept.sort_by(order)


def kept_rows(tables: Tables) -> dict[str, dict[str, Any]]:
    """The kept models' rows by id, in their order."""
    return {row["model_id"]: row for row in kept_models(tables).to_pylist()}


def several(tables: Tables) -> bool:
    """Whether more than one model is kept."""
    return len(kept_ids(tables)) > 1


def has_fronts(tables: Tables) -> bool:
    """Whether the engine weighs fit against the distance of shares, as Robyn does."""
    kept = kept_models(tables)
    return bool(kept["decomp_rssd"].null_count == 0 and kept["front"].null_count == 0)


def has_clusters(tables: Tables) -> bool:
    """Whether the engine groups its kept models."""
    kept = kept_models(tables)
    return bool(kept["cluster"].null_count < kept.num_rows)
