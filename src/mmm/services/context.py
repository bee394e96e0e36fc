"""What an operation works with: the workspace, its runs, who acts; and results that were read before."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from mmm.access import User
from mmm.runs.service import RunService
from mmm.settings import Settings
from mmm.workspace import Workspace

if TYPE_CHECKING:
    from mmm.models.plans import PlanningModel
    from mmm.results import RunResults

#: Of runs' results, and of models to plan with, so many are kept.
_KEPT = 8
Made = TypeVar("Made")


class _Kept:
    """The newest few of what takes long to read."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: OrderedDict[Hashable, Any] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Made]) -> Made:
        with self._lock:
            if key in self._made:
                self._made.move_to_end(key)
                found: Made = self._made[key]
                return found
        made = make()
        with self._lock:
            self._made[key] = made
            while len(self._made) > _KEPT:
                self._made.popitem(last=False)
        return made


class Services:
    """One workspace on one platform, for as long as the process lives. Safe to share between
    threads.
    """

    def __init__(self, runs: RunService, settings: Settings) -> None:
        self.runs, self.settings = runs, settings
        self.results, self.planning = _Kept(), _Kept()

    @classmethod
    def open(cls, settings: Settings) -> Services:
        return cls(RunService.open(settings), settings)

    def by(self, user: User) -> Context:
        return Context(self, user)


@dataclass(frozen=True)
class Context:
    """Services as one person or program has them."""

    services: Services
    user: User

    @property
    def runs(self) -> RunService:
        return self.services.runs

    @property
    def workspace(self) -> Workspace:
        return self.services.runs.workspace

    @property
    def settings(self) -> Settings:
        return self.services.settings

    def run_id(self, text: str) -> str:
        """The run that `text` means: an id, an unambiguous start of one, or "latest". A study's
        slashes may be written as ~, which an address can hold.
        """
        return self.workspace.find_run(text.replace("~", "/"))

    def results(self, run: str) -> tuple[str, RunResults]:
        """(id, results) of a run; NotFound while it has none."""
        from mmm.results import read_results  # numpy and pyarrow, which looking at runs needs not
        from mmm.results.store import newest_certificate

        run_id = self.run_id(run)
        number = self.workspace.results_manifest(run_id).number
        key = (run_id, number, newest_certificate(self.workspace, run_id))
        return run_id, self.services.results.get(key, lambda: read_results(self.workspace, run_id))

    def planning(self, run: str, model: str | None, *, geos: bool = False) -> PlanningModel:
        """A run's models to plan with, as `mmm plan` has them; with `geos` those of each geo."""
        from mmm.models.plans import model_to_plan
        from mmm.models.refresh import in_use
        from mmm.results.store import newest_certificate

        run_id = self.run_id(run)
        number = self.workspace.results_manifest(run_id).number
        accepted = in_use(self.workspace, run_id)
        key = (run_id, number, newest_certificate(self.workspace, run_id), model, accepted, geos)
        return self.services.planning.get(
            key, lambda: model_to_plan(self.workspace, run_id, model, geos=geos)
        )
