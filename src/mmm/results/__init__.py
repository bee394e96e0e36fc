"""Results of a run: stored, read, summed up, drawn and reported, the same for every engine."""

from __future__ import annotations

from mmm.results.model_summary import RunInfo
from mmm.results.store import RunResults, draw_report, read_results, write_results

__all__ = ["RunInfo", "RunResults", "draw_report", "read_results", "write_results"]
