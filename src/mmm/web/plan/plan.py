"""Plan: the best split of a budget, or the budget for a target, with one model of a run; scenarios
side by side.
"""

from __future__ import annotations

import streamlit as st

from mmm.access import User
from mmm.engines.schemas import has_geos
from mmm.errors import UserError
from mmm.format import count, fixed
from mmm.models.plans import ALL_KEPT, PlanningModel, model_to_plan, saved_plan
from mmm.models.refresh import in_use
from mmm.planning.forecast_tables import Forecast
from mmm.planning.plan import Plan
from mmm.results.model_summary import for_model
from mmm.results.trust import Light, trust, warning_line
from mmm.runs.status import RunStatus
from mmm.web.kit.text import moment, plain
from mmm.web.plan.ahead import AskedAhead, ask_ahead
from mmm.web.plan.form import Form, draw_form, request_fields, start_afresh
from mmm.web.plan.outcome import draw_plan
from mmm.web.plan.record import plan_of_record
from mmm.web.plan.scenarios import save_form, scenarios
from mmm.web.results.drawing import ModelViews
from mmm.web.runs.run_list import name_of
from mmm.web.shell import links
from mmm.web.shell.session import current_user, run_service
from mmm.workspace import Workspace
from mmm.workspace.models import RunState


@st.cache_resource(max_entries=8, show_spinner="Reading the model")
def _planning_model(
    _workspace: Workspace, url: str, run_id: str, number: int, model_id: str, geos: bool
) -> PlanningModel:
    """A model to plan with, kept while bounds are tried; results never change once written."""
    return model_to_plan(_workspace, run_id, model_id, geos=geos)


def _chosen_run(runs: list[RunStatus]) -> str:
    known = {status.run_id: status for status in runs}
    asked = st.query_params.get("run") or runs[0].run_id
    if asked not in known:
        raise UserError(
            f"run {asked} has no results to plan with.",
            where="run",
            fix="Leave it out of the address.",
        )
    ids = list(known)
    chosen: str = st.selectbox(
        "Run",
        ids,
        ids.index(asked),
        format_func=lambda run: f"{name_of(known[run])} · {moment(known[run].submitted)}",
    )
    if chosen != asked:
        for name in ("model", "plan", "geos"):
            st.query_params.pop(name, None)
    st.query_params["run"] = chosen
    return chosen


def _chosen_model(views: ModelViews, workspace: Workspace) -> str:
    kept, recommended = views.kept_models, views.recommended
    accepted = in_use(workspace, views.run_id)
    used = accepted.model_id if accepted is not None and accepted.run_id == views.run_id else None
    wanted = st.query_params.get("model") or used or ALL_KEPT
    together = [ALL_KEPT] if len(kept) > 1 else []
    asked = wanted
    if wanted not in together:
        asked = views.addressed(recommended if wanted == ALL_KEPT else wanted)

    def label(model_id: str) -> str:
        if model_id == ALL_KEPT:
            return f"All {len(kept)} kept models together"
        note = "recommended · " if model_id == recommended else ""
        if model_id == used:
            note = "in use · "
        return f"{model_id} · {note}NRMSE {fixed(kept[model_id]['nrmse'], 4)}"

    ids = together + sorted(kept, key=lambda model_id: (model_id != used, model_id != recommended))
    chosen: str = st.selectbox("Model", ids, ids.index(asked), format_func=label)
    if chosen != asked:
        st.query_params.pop("plan", None)
    st.query_params["model"] = chosen
    return chosen


def _chosen_geos(views: ModelViews) -> bool:
    """Whether the spend in each geo is decided; asked only where the run has geos."""
    if not has_geos(views.results):
        return False
    asked = st.query_params.get("geos") == "1"
    chosen: bool = st.toggle(
        "Plan each geo",
        asked,
        help="Every medium in every geo is a line of the plan, with the geo's own response.",
    )
    if chosen != asked:
        st.query_params.pop("plan", None)
        st.query_params["geos"] = "1" if chosen else "0"
    return chosen


def _warnings(workspace: Workspace, run_id: str, number: int, model_id: str) -> None:
    """What the model's own page warns of stands above a plan made with it."""
    views = ModelViews(workspace, run_id, number)
    chosen = views.recommended if model_id == ALL_KEPT else model_id
    summary = for_model(views.results.summary, views.results, chosen)
    found = trust(views.results, summary, views.labels)
    if line := warning_line(found):
        st.error(plain(line), icon=":material/error:")
    others = found.reasons[1:] if line else found.reasons
    if found.light is not Light.GREEN and others:
        with st.expander(
            f"{count(len(others), 'point')} to bear in mind", icon=":material/warning:"
        ):
            st.markdown("\n".join(f"- {plain(text)}" for text in others))


def _page(workspace: Workspace, user: User, runs: list[RunStatus]) -> None:
    plan_id = st.query_params.get("plan", "")
    saved = saved_plan(workspace, plan_id) if plan_id else None
    if saved is not None:
        st.query_params["run"], st.query_params["model"] = saved.run_id, saved.model_id or ALL_KEPT
        st.query_params["geos"] = "1" if saved.request.by_geo else "0"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        run_id = _chosen_run(runs)
        number = workspace.results_manifest(run_id).number
        views = ModelViews(workspace, run_id, number)
        model_id = _chosen_model(views, workspace)
        geos = _chosen_geos(views)
        if st.button("Start afresh", icon=":material/restart_alt:", help="Empty the form."):
            start_afresh(workspace, user, run_id)
    plan_id = st.query_params.get("plan", "")
    saved = saved if plan_id else None
    chosen = _planning_model(workspace, workspace.url, run_id, number, model_id, geos)
    _warnings(workspace, run_id, number, model_id)
    if saved is not None:
        st.caption(f"Saved as **{plain(saved.name or 'no name')}** by {plain(saved.created_by)}.")
    form = draw_form(workspace, user, chosen, None if saved is None else saved.request, plan_id)
    ahead = ask_ahead(chosen) if form.ahead else None
    try:
        plan, forecast = _answered(chosen, form, ahead)
    except UserError as error:
        form.tell(error)
        st.info(
            "There is no plan for this: see what is wrong above. Nothing you have typed is lost."
        )
    else:
        draw_plan(chosen, plan, forecast)
        save_form(workspace, user, run_id, plan, forecast)
    own = scenarios(workspace, run_id, chosen.labels)
    plan_of_record(workspace, user, run_id, chosen.labels, own)


def _answered(
    chosen: PlanningModel, form: Form, ahead: AskedAhead | None
) -> tuple[Plan, Forecast | None]:
    """The plan that the form asks for, by period where the periods ahead are planned."""
    if ahead is None:
        return chosen.plan(form.request()), None
    plan = chosen.plan(ahead.request(chosen, request_fields(form.fields)))
    return plan, ahead.forecast(chosen, plan)


st.title("Plan a budget")
service = run_service()
succeeded = [status for status in service.runs() if status.state is RunState.SUCCEEDED]
if succeeded:
    _page(service.workspace, current_user(), succeeded)
else:
    st.markdown("A plan needs a model, and no run has succeeded in this workspace yet.")
    links.link(links.HOME, "Begin with the sample", icon=":material/science:")
