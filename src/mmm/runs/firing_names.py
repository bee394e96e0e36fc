"""How the runs of a schedule are told apart from those that a person submitted."""

from __future__ import annotations

#: What stands between a person and a schedule's name in the name that its runs are submitted by.
BY_SCHEDULE = " (schedule "
