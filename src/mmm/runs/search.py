"""Finding runs in the list: by state, market, engine, batch and text."""

from __future__ import annotations

from dataclasses import dataclass

from mmm.runs.status import RunStatus


@dataclass(frozen=True)
class RunFilter:
    """What is looked for; what is empty lets every run pass.

    Every word of `text` must stand in name, id, submitter or message.
    """

    states: frozenset[str] = frozenset()
    markets: frozenset[str] = frozenset()
    engines: frozenset[str] = frozenset()
    batch: str = ""
    text: str = ""

    def __bool__(self) -> bool:
        return bool(self.states or self.markets or self.engines or self.batch or self.text)

    def passes(self, status: RunStatus) -> bool:
        return (
            (not self.states or status.state.value in self.states)
            and (not self.markets or status.market in self.markets)
            and (not self.engines or status.engine in self.engines)
            and (not self.batch or status.batch == self.batch)
            and self._has_text(status)
        )

    def _has_text(self, status: RunStatus) -> bool:
        words = self.text.casefold().split()
        where = "\n".join(
            (status.name, status.run_id, status.submitted_by, status.message)
        ).casefold()
        return all(word in where for word in words)
