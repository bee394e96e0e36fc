"""The form of a plan: what is asked, kept as a draft while it is tried, with room for what is wrong
at each field.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mmm.access import User
from mmm.engines.words import Confidence
from mmm.errors import Finding, InvalidInput, UserError
from mmm.models.plans import PlanningModel, parse_request
from mmm.planning.request import ALL, DEFAULT_FACTORS, Limit, PlanRequest
from mmm.web.kit.text import plain
from mmm.workspace import Workspace

_BOUNDS = ("low", "high", "least", "most")
#: Fields of the form that are the request's.
_SAME = (
    "period", "periods", "carryover", "low", "high", "risk", "unit_value", "channel_values", "free", "ahead",
)  # fmt: skip
#: Fields that what is wrong with them is told at.
_FIELDS = ("budget", "target", "period", "periods", "unit_value", "free")
_LAST = (4, 8, 13, 26, 52)
_DATES = "dates"
_EMPTY: dict[str, Any] = {
    "goal": "max_response", "budget": None, "per_period": False, "at_most": False, "target": None, "period": "all",
    "periods": None, "carryover": "follows", "low": None, "high": None, "channels": {},
    "groups": [], "single_periods": [], "risk": "downside", "unit_value": None, "channel_values": {}, "free": [], "ahead": False,
}  # fmt: skip


@dataclass(frozen=True)
class Form:
    """What stands in the fields, and where to tell what is wrong with them."""

    fields: dict[str, Any]
    spots: Mapping[str, DeltaGenerator]

    @property
    def ahead(self) -> bool:
        return bool(self.fields["ahead"])

    def request(self) -> PlanRequest:
        """InvalidInput with a finding per wrong field."""
        return parse_request(request_fields(self.fields))

    def tell(self, error: UserError) -> None:
        """Each finding under the field it is about, what is about none at the end of the form."""
        findings: Sequence[Finding] = [Finding("error", error.what, error.where, error.fix)]
        if isinstance(error, InvalidInput):
            findings = error.findings
        for finding in findings:
            spot = self.spots[_spot(finding.where or "")]
            spot.error(plain(_sentence(finding)), icon=":material/error:")


def _spot(where: str) -> str:
    if where.startswith("date range"):
        return "period"
    if where.startswith("limits"):
        return "limits"
    field = where.partition(".")[0]
    elsewhere = {"budget_per_period": "budget", "low": "limits", "high": "limits"}
    elsewhere["channel_values"] = "limits"
    return elsewhere.get(field, field if field in _FIELDS else "form")


def _sentence(finding: Finding) -> str:
    where = (finding.where or "").removeprefix("limits.").removeprefix("limits of ")
    what = f"{where}: {finding.what}" if where else finding.what
    return " ".join(filter(None, (what, finding.fix)))


def draft_name(run_id: str, *, by_geo: bool = False) -> str:
    """A plan by geo has other channels, and a draft of its own."""
    return f"plan-{run_id}-geos" if by_geo else f"plan-{run_id}"


def request_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields as `PlanRequest` names them."""
    target = fields["goal"] == "target"
    limits = {name: given for name, given in fields["channels"].items() if given}
    for group in fields["groups"]:
        bounds = {name: group[name] for name in _BOUNDS if group.get(name) is not None}
        if bounds:
            limits["+".join(group["channels"]) or "a group without channels"] = bounds
    for row in fields["single_periods"] if fields["ahead"] else ():
        bounds = {name: row[name] for name in _BOUNDS if row.get(name) is not None}
        if bounds:
            who = "+".join(row["channels"]) or ALL
            limits[
                f"{who}@{row.get('first') or ''}:{row.get('last') or row.get('first') or ''}"
            ] = bounds
    found = {
        "goal": fields["goal"],
        "target": fields["target"] if target else None,
        "budget_rule": "at_most" if fields["at_most"] else "exact",
        **{name: fields[name] for name in _SAME},
        "limits": limits,
    }
    if not target:
        found["budget_per_period" if fields["per_period"] else "budget"] = fields["budget"]
    return found


def fields_of(request: PlanRequest, channels: tuple[str, ...]) -> dict[str, Any]:
    """What the form shows for a request, the other way round."""
    single = {name: limit for name, limit in request.limits.items() if name in channels}
    periods = request.period_limits
    groups = []
    for name, limit in request.limits.items():
        if name not in single and name not in periods:
            members = [part.strip() for part in name.split("+")]
            groups.append({"channels": members, **limit.model_dump()})
    per_period = request.budget_per_period is not None
    return {
        **_EMPTY,
        "goal": request.goal,
        "budget": request.budget_per_period if per_period else request.budget,
        "per_period": per_period,
        "at_most": request.budget_rule == "at_most",
        "target": request.target,
        **{
            name: getattr(request, name)
            for name in ("period", "periods", "carryover", "low", "high", "unit_value", "ahead")
        },
        "risk": str(request.risk),
        "channel_values": dict(request.channel_values),
        "free": list(channels) if request.hold == "none" else list(request.free),
        "channels": {name: limit.model_dump(exclude_none=True) for name, limit in single.items()},
        "groups": groups,
        "single_periods": [_period_row(name, limit) for name, limit in periods.items()],
    }


def _period_row(name: str, limit: Limit) -> dict[str, Any]:
    """A line of the table of single periods."""
    who, _, span = name.rpartition("@")
    first, _, last = span.partition(":")
    channels = [] if who == ALL else [part.strip() for part in who.split("+")]
    return {"channels": channels, "first": first, "last": last or first, **limit.model_dump()}


def draw_form(
    workspace: Workspace, user: User, chosen: PlanningModel, saved: PlanRequest | None, plan_id: str
) -> Form:
    """The form, filled from what is in the session, else the saved plan asked for, else the draft;
    changes are kept.
    """
    state = _state(workspace, user, chosen, saved, plan_id)
    with st.container(border=True):
        fields, spots = _fields(state, chosen)
        spots["form"] = st.container()
    if fields != state["fields"]:
        state |= {"fields": fields, "plan": ""}
        workspace.save_draft(user, _draft_of(chosen), fields)
        st.query_params.pop("plan", None)  # what stands in the form is no longer that plan
    return Form(fields, spots)


def start_afresh(workspace: Workspace, user: User, run_id: str) -> None:
    """Forget the drafts and empty the form."""
    workspace.drop_draft(user, draft_name(run_id))
    workspace.drop_draft(user, draft_name(run_id, by_geo=True))
    if "plan-form" in st.session_state:
        st.session_state["plan-form"]["run"] = ""  # begun anew, with widgets of their own
    st.query_params.pop("plan", None)


def _state(
    workspace: Workspace, user: User, chosen: PlanningModel, saved: PlanRequest | None, plan_id: str
) -> dict[str, Any]:
    """What the session knows of the form. Another run, or a saved plan asked for, begins it anew."""
    state: dict[str, Any] | None = st.session_state.get("plan-form")
    begun = _draft_of(chosen)
    if state is None or state["run"] != begun or (plan_id and plan_id != state["plan"]):
        channels = chosen.history.channels
        draft = None if saved else workspace.draft(user, begun)
        fields = fields_of(saved, channels) if saved else {**_EMPTY, **(draft or {})}
        number = 0 if state is None else state["number"] + 1
        state = {"run": begun, "plan": plan_id, "fields": fields, "number": number}
        st.session_state["plan-form"] = state
    return state


def _draft_of(chosen: PlanningModel) -> str:
    return draft_name(chosen.run_id, by_geo=chosen.by_geo)


def _key(state: Mapping[str, Any], name: str) -> str:
    """A widget's key. A new widget's value is the field's: Streamlit forgets the widgets of a page
    that was left.
    """
    key = f"plan-{name}-{state['number']}"
    if name in state["fields"] and key not in st.session_state:
        st.session_state[key] = state["fields"][name]
    return key


def _fields(
    state: dict[str, Any], chosen: PlanningModel
) -> tuple[dict[str, Any], dict[str, DeltaGenerator]]:
    labels, spots = chosen.labels, {}
    goals = {
        "max_response": "The largest response for a budget",
        "target": f"The budget for a target {labels.efficiency}",
        "profit": "The largest profit, and its budget",
    }
    fields: dict[str, Any] = dict(state["fields"])
    fields["ahead"] = st.toggle(
        f"Plan the {labels.period}s after the data",
        key=_key(state, "ahead"),
        help="The next quarter without another number: KPI forecast, flighting table, plan of record.",
    )
    fields["goal"] = st.radio(
        "Looked for",
        list(goals),
        format_func=goals.__getitem__,
        horizontal=True,
        key=_key(state, "goal"),
    )
    first, second, third = st.columns(3)
    with first:
        if fields["goal"] == "target":
            fields["target"] = st.number_input(
                f"Target {labels.efficiency_unit}", min_value=0.0, placeholder=_default_target(labels.revenue),
                value=None, key=_key(state, "target"),
            )  # fmt: skip
            spots["target"], spots["budget"] = st.container(), st.container()
        else:
            fields["budget"] = st.number_input(
                f"Budget ({labels.currency})", min_value=0.0, value=None, placeholder="as much as today",
                key=_key(state, "budget"),
            )  # fmt: skip
            spots["budget"], spots["target"] = st.container(), st.container()
            fields["per_period"] = st.toggle(
                f"Per {labels.period}, not in total", key=_key(state, "per_period")
            )
            fields["at_most"] = st.toggle("At most so much", key=_key(state, "at_most"))
    with second:
        fields["period"] = _period(state, chosen)
        spots["period"] = st.container()
    with third:
        fields["periods"] = st.number_input(
            f"Number of {labels.period}s planned", min_value=0, value=None, step=1,
            placeholder="the next quarter" if fields["ahead"] else "as in that range",
            key=_key(state, "periods"),
        )  # fmt: skip
        spots["periods"] = st.container()
        choices = {"follows": "follows the planned spend", "held": "stays as it was"}
        fields["carryover"] = st.selectbox(
            "Carryover of earlier spend", list(choices), format_func=choices.__getitem__, key=_key(state, "carryover"),
            help="Robyn holds it: a channel without money then goes on working.",
        )  # fmt: skip
    fields |= _safety(state, chosen, spots)
    fields |= _bounds(state, chosen, fields["goal"])
    if fields["ahead"]:
        fields["single_periods"] = _single_periods(state, chosen)
    spots["limits"] = st.container()
    return fields, spots


def _safety(
    state: dict[str, Any], chosen: PlanningModel, spots: dict[str, DeltaGenerator]
) -> dict[str, Any]:
    """What is made large under uncertainty, which held channels may move, what the KPI is worth."""
    first, second, third = st.columns(3)
    found: dict[str, Any] = {}
    risks = {
        "downside": "only moves that pay in nearly all draws",
        "expected": "the largest expected gain",
    }
    with first:
        found["risk"] = st.selectbox(
            "Uncertainty", list(risks), format_func=risks.__getitem__, key=_key(state, "risk"),
            help="The first makes the mean gain of the worst tenth of the draws as large as can be.",
        )  # fmt: skip
    unsure = [
        name
        for name, word in chosen.planned.known.confidence.items()
        if word == Confidence.INCONCLUSIVE
    ]
    with second:
        key = _key(state, "free")
        st.session_state[key] = [name for name in st.session_state[key] if name in unsure]
        found["free"] = st.multiselect(
            "Inconclusive channels that may move", unsure, key=key,
            placeholder="all are held at today's spend" if unsure else "none is inconclusive",
        )  # fmt: skip
        spots["free"] = st.container()
    with third:
        known = chosen.planned.known.unit_value
        found["unit_value"] = st.number_input(
            f"Profit of one unit of the KPI ({chosen.labels.currency})", min_value=0.0, value=None,
            placeholder="not known" if known is None else f"{known:g}, of the experiment",
            key=_key(state, "unit_value"), help="Of revenue: the margin, for example 0.4.",
        )  # fmt: skip
        spots["unit_value"] = st.container()
    return found


def _default_target(revenue: bool) -> str:
    return "0.8 of today's" if revenue else "1.2 of today's"


def _period(state: Mapping[str, Any], chosen: PlanningModel) -> str:
    """The date range today's spend is read from."""
    labels, model = chosen.labels, chosen.history
    asked = state["fields"]["period"]
    known = {"all": "The whole window"}
    known |= {
        f"last_{n}": f"The last {n} {labels.period}s" for n in _LAST if n <= len(model.window)
    }
    if asked.startswith("last_"):
        known.setdefault(asked, f"The last {asked.removeprefix('last_')} {labels.period}s")
    known[_DATES] = "From one date to another"
    key = f"plan-period-{state['number']}"
    if key not in st.session_state:
        st.session_state[key] = asked if asked in known else _DATES
    choice: str = st.selectbox(
        "Today's spend is that of", list(known), format_func=known.__getitem__, key=key
    )
    if choice != _DATES:
        return choice
    last = model.dates[model.window[-1]].item()
    key = f"plan-dates-{state['number']}"
    if key not in st.session_state:
        st.session_state[key] = _dates(asked) or (model.dates[model.window[0]].item(), last)
    dates = st.date_input("First and last date", key=key)
    ends = dates if isinstance(dates, tuple) else (dates,)
    return ":".join(day.isoformat() for day in ends) or "all"


def _dates(period: str) -> tuple[date, ...] | None:
    with suppress(ValueError):
        ends = [date.fromisoformat(part) for part in period.split(":")]
        return ends[0], ends[-1]
    return None


def _bounds(state: dict[str, Any], chosen: PlanningModel, goal: str) -> dict[str, Any]:
    """Bounds of all channels, of single ones and of sums of channels."""
    labels = chosen.labels
    low, high = DEFAULT_FACTORS[goal]
    st.markdown(
        f"**Bounds** as factors of today's spend (×), or in {plain(labels.currency)} per {labels.period}"
    )
    left, right = st.columns(2)
    found: dict[str, Any] = {}
    for name, place, word, default in (("low", left, "least", low), ("high", right, "most", high)):
        found[name] = place.number_input(
            f"Every channel at {word} (×)", min_value=0.0, value=None, step=0.1, placeholder=f"{default:g}",
            key=_key(state, name),
        )  # fmt: skip
    history = chosen.history
    names = list(history.channels)
    means = history.spend[:, history.window].mean(axis=1)
    today = dict(zip(names, means.tolist(), strict=True))
    fields = state["fields"]
    table = _channel_rows(today, fields["channels"], fields["channel_values"])
    rows = _edited(state, "channels", table, labels.currency)
    found["channels"] = {row["channel"]: given for row in rows if (given := _given(row))}
    found["channel_values"] = {
        row["channel"]: row["value"] for row in rows if _is_number(row["value"])
    }
    with st.expander("Sums of channels", expanded=bool(state["fields"]["groups"])):
        st.caption(
            "A sum has bounds of its own, for example all of video together. Add a line, choose its channels."
        )
        rows = _edited(
            state, "groups", _group_rows(state["fields"]["groups"]), labels.currency, names
        )
    found["groups"] = [
        {"channels": list(row["channels"] or []), **_given(row)}
        for row in rows
        if row["channels"] or _given(row)
    ]
    return found


def _single_periods(state: dict[str, Any], chosen: PlanningModel) -> list[dict[str, Any]]:
    """Bounds in each of some periods ahead, of a channel, a sum of channels or all money."""
    labels, given = chosen.labels, state["fields"]["single_periods"]
    with st.expander(f"Bounds of single {labels.period}s", expanded=bool(given)):
        st.caption(
            f"In each {labels.period} from the first to the last date. Without a channel it is all money "
            "together."
        )
        names = list(chosen.history.channels)
        rows = _edited(state, "single_periods", _period_rows(given), labels.currency, names)
    found = []
    for row in rows:
        bounds = _given(row)
        if bounds:
            days = {name: _iso(row[name]) for name in ("first", "last")}
            found.append({"channels": list(row["channels"] or []), **days, **bounds})
    return found


def _iso(value: Any) -> str:
    return "" if value is None else str(value)[:10]


def _period_rows(given: list[dict[str, Any]]) -> pa.Table:
    rows = []
    for row in given:
        days = {name: _date_of(row.get(name)) for name in ("first", "last")}
        rows.append({**row, **days})
    days_schema = [(name, pa.date32()) for name in ("first", "last")]
    schema = pa.schema([("channels", pa.list_(pa.string())), *days_schema, *_NUMBERS])
    return pa.Table.from_pylist(rows, schema=schema)


def _date_of(text: Any) -> date | None:
    with suppress(TypeError, ValueError):
        return date.fromisoformat(text)
    return None


_NUMBERS = [(name, pa.float64()) for name in _BOUNDS]


def _channel_rows(
    today: Mapping[str, float], channels: Mapping[str, Any], values: Mapping[str, float]
) -> pa.Table:
    """`today` is the mean spend of the whole window, to type beside; `values` what one unit of the
    KPI is worth in a channel.
    """
    rows = []
    for name, spend in today.items():
        given = {**channels.get(name, {}), "value": values.get(name)}
        rows.append({"channel": name, "today": round(spend, 2), **given})
    numbers = [("today", pa.float64()), *_NUMBERS, ("value", pa.float64())]
    return pa.Table.from_pylist(rows, schema=pa.schema([("channel", pa.string()), *numbers]))


def _group_rows(groups: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(
        groups, schema=pa.schema([("channels", pa.list_(pa.string())), *_NUMBERS])
    )


def _given(row: Mapping[str, Any]) -> dict[str, float]:
    """The bounds that a line gives."""
    return {name: float(row[name]) for name in _BOUNDS if _is_number(row[name])}


def _is_number(value: Any) -> bool:
    """Whether a cell of a table is filled."""
    return value is not None and not math.isnan(value)


def _edited(
    state: dict[str, Any],
    name: str,
    rows: pa.Table,
    currency: str,
    options: list[str] | None = None,
) -> list[dict[str, Any]]:
    """A table to type in. Its starting rows stay while it is on the page: Streamlit keeps the edits
    apart from them.
    """
    key = f"plan-{name}-{state['number']}"
    if key not in st.session_state:
        state[f"{name}-rows"] = rows
    columns: dict[str, Any] = {
        "low": st.column_config.NumberColumn("At least (×)", min_value=0.0, format="%.2f"),
        "high": st.column_config.NumberColumn("At most (×)", min_value=0.0, format="%.2f"),
        "least": st.column_config.NumberColumn(
            f"At least ({currency})", min_value=0.0, format="localized"
        ),
        "most": st.column_config.NumberColumn(
            f"At most ({currency})", min_value=0.0, format="localized"
        ),
    }
    if options is None:
        columns["today"] = st.column_config.NumberColumn(
            "In the window",
            disabled=True,
            format="localized",
            help="Mean spend per period of the whole window.",
        )
        columns["value"] = st.column_config.NumberColumn(
            f"Profit of one unit ({currency})",
            min_value=0.0,
            help="Where a channel sells differently: its own margin, or profit of a conversion.",
        )
        columns["channel"] = st.column_config.TextColumn("Channel", disabled=True, width="medium")
    else:
        columns["channels"] = st.column_config.MultiselectColumn(
            "Channels", options=options, width="large"
        )
        for day, title in (("first", "First date"), ("last", "Last date")):
            columns[day] = st.column_config.DateColumn(title, format="YYYY-MM-DD")
    edited = st.data_editor(
        state[f"{name}-rows"], key=key, column_config=columns, hide_index=True, width="stretch", placeholder="",
        num_rows="fixed" if options is None else "dynamic",
    )  # fmt: skip
    found: list[dict[str, Any]] = edited.to_pylist()
    return found
