"""The one-click fixes on the page of checks: what is done to the data, how they look with it, and the
next step. Fixes go into the recipe that the page Prepare shows.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import streamlit as st

from mmm.data.mapping import Mapping
from mmm.data.prepare import Recipe
from mmm.data.prepare.fixes import Fix, fixes_for
from mmm.data.quality import Light, QualityReport
from mmm.errors import UserError
from mmm.format import count
from mmm.web.data.preparing import prepared, usual_recipe
from mmm.web.data.recipe_editor import Fields, RecipeEditor, checked
from mmm.web.data.steps import Step, go_to
from mmm.web.data.stored_data import facts_of
from mmm.web.kit.text import error_markdown, plain
from mmm.workspace import DatasetManifest


@dataclass(frozen=True)
class Mended:
    """The data with the fixes, and the mapping of what is left of its columns."""

    table: pa.Table
    mapping: Mapping


class Mending:
    """The fixes of one dataset under one mapping."""

    def __init__(
        self,
        editor: RecipeEditor,
        manifest: DatasetManifest,
        mapping_name: str | None,
        mapping: Mapping,
        fixes: list[Fix],
    ) -> None:
        self.editor, self.manifest, self.fixes = editor, manifest, fixes
        self.mapping_name, self.mapping = mapping_name, mapping

    @classmethod
    def of(
        cls,
        manifest: DatasetManifest,
        mapping_name: str | None,
        mapping: Mapping,
        report: QualityReport,
    ) -> Mending:
        """What can be mended, by the checks of the data as stored."""
        editor = RecipeEditor.of("recipe", "dataset.prepare", manifest, mapping_name)
        fixes: list[Fix] = []
        if any(report.check(name).places for name in ("missing", "cadence", "negative")):
            recipe = usual_recipe(manifest, mapping)
            fixes = fixes_for(report, mapping, facts_of(manifest), recipe)
        return cls(editor, manifest, mapping_name, mapping, fixes)

    @property
    def fields(self) -> Fields:
        """The recipe's fields, as the page Prepare has them too."""
        return self.editor.fields(lambda: usual_recipe(self.manifest, self.mapping))

    @property
    def recipe_text(self) -> str:
        return checked(self.fields).to_json()

    @property
    def period(self) -> str:
        return str(self.fields["period"])

    def done(self) -> list[Fix]:
        """The fixes that the recipe has."""
        if not self.fixes:
            return []
        fields = self.fields
        return [fix for fix in self.fixes if fix.done(fields)]

    def buttons(self) -> None:
        """A button for each fix, one for all, and the way back."""
        if not (self.fixes and self.editor.may_edit):
            return
        done = self.done()
        left = [fix for fix in self.fixes if fix not in done]
        st.subheader("Fixes", anchor="fixes")
        if len(left) > 1:
            st.button(
                f"Do all {len(left)} fixes",
                type="primary",
                icon=":material/done_all:",
                on_click=self._do,
                args=(left,),
            )
        for number, fix in enumerate(self.fixes):
            label, icon, click = plain(fix.label), ":material/build:", self._do
            is_done = fix in done
            if is_done:
                label, icon, click = f"Undo: {label}", ":material/undo:", self._undo
            st.button(
                label,
                key=f"{self.editor.draft}-fix-{number}-{is_done}",
                icon=icon,
                on_click=click,
                args=([fix],),
            )

    def _do(self, fixes: list[Fix]) -> None:
        fields = self.fields
        for fix in fixes:
            fields = fix.applied(fields)
        self.editor.replace(fields)

    def _undo(self, fixes: list[Fix]) -> None:
        fields = self.fields
        for fix in fixes:
            fields = fix.undone(fields)
        self.editor.replace(fields)

    def result(self) -> Mended | None:
        """The data with the fixes; None where there are none, or not enough of them yet."""
        done = self.done()
        if not done:
            return None
        try:
            recipe = checked(self.fields)
            found = prepared(self.manifest, recipe)
        except UserError as error:
            told = f"{len(done)} of {len(self.fixes)} fixes done; the data still have gaps."
            if len(done) == len(self.fixes):
                told = (
                    f"{count(len(done), 'fix')} of {len(self.fixes)} done. {error_markdown(error)}"
                )
            st.warning(told, icon=":material/build:")
            return None
        return Mended(found[0].table, _left_of(self.mapping, recipe))

    def next_step(self, report: QualityReport) -> None:
        """On to Prepare where something has to be done to the data, else to the model."""
        if not self.editor.may_edit:
            return
        by_day = "daily" in report.check("cadence").finding
        prepares = bool(self.done()) or self.mapping.market is not None or by_day
        prepares = prepares or report.light is Light.RED
        words = {Step.PREPARE: "Next: prepare the data", Step.MODEL: "Next: set up the model"}
        order = [Step.PREPARE, Step.MODEL] if prepares else [Step.MODEL, Step.PREPARE]
        with st.container(horizontal=True):
            for number, step in enumerate(order):
                clicked = st.button(
                    words[step] if number == 0 else words[step].removeprefix("Next: ").capitalize(),
                    type="primary" if number == 0 else "secondary",
                    icon=":material/arrow_forward:",
                    key=f"next-{step.name}-{number}",
                )
                if clicked:
                    go_to(step, self.manifest, self.mapping_name)


def _left_of(mapping: Mapping, recipe: Recipe) -> Mapping:
    """The mapping without the market column that the recipe has used up."""
    if recipe.market is None or recipe.market.column != mapping.market:
        return mapping
    return mapping.model_copy(update={"market": None})
