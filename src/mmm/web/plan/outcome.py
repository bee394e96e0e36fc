"""What a plan says on a page: the answer, its table and charts, what it starts from."""

from __future__ import annotations

from functools import partial

import streamlit as st

from mmm.format import MISSING, percent
from mmm.models.plans import ALL_KEPT, PlanningModel
from mmm.planning.forecast_tables import Forecast
from mmm.planning.plan import Plan
from mmm.planning.summary import plan_table
from mmm.results import frontier, plan_charts
from mmm.web.kit.chart import drawn, show_chart
from mmm.web.kit.export import csv_text
from mmm.web.kit.numbers import show_numbers
from mmm.web.kit.text import plain
from mmm.web.plan.ahead import draw_forecast


def draw_plan(chosen: PlanningModel, plan: Plan, forecast: Forecast | None) -> None:
    """The whole result; `forecast` is the plan by period, where the periods ahead are planned."""
    labels = plan.labels
    _answer(plan)
    table = plan_table(plan, labels)
    show_numbers(table, labels)
    st.caption(f"Money and responses per {labels.period}. Low and high hold {_measured(plan)}.")
    st.download_button(
        "Download as CSV",
        lambda: csv_text(table, labels),
        file_name=f"plan-{chosen.run_id}-{plan.model_id or ALL_KEPT}.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
    )
    if forecast is not None:
        draw_forecast(chosen, plan, forecast)
    _frontier(chosen, plan)
    _tie_out(plan)
    money = "Today's spend above the planned one; the line reaches from the lowest to the highest spend allowed."
    band = (
        f"Today's response above the planned one. The line holds {_measured(plan)} at the planned "
        "spend: a bar that ends near its edge belongs to an unusual model. The dashed line, where there is "
        "one, is as wide as the run's certificate shows that it must be."
    )
    more = f"one more {labels.currency} brings" if labels.revenue else "one more conversion costs"
    margin = (
        f"What {more} today (orange) and in the plan (blue). Money is well split where the blue dots of channels that "
        "stand at no bound are level. " + _break_even_said(plan)
    )
    curves = (
        "The steady-state response to each spend; the shade holds 80 % of the models it is measured on. Orange is today, the blue "
        "diamond the plan, the dashed line the spend beyond which one more unit of money does not come back. "
        "Scales differ between panels."
    )
    points = chosen.curves(plan)
    efficiency = f"Marginal {labels.efficiency}"
    for title, key, numbers, draw, reading in (
        ("Spend", "spend", table, plan_charts.spend, money),
        ("Response", "response", table, plan_charts.response, band),
        (efficiency, "marginal", table, plan_charts.marginal, margin),
        ("Response curves", "curves", points, plan_charts.curves, curves),
    ):
        make = partial(drawn, draw, numbers, labels)
        chart = chosen.once(f"chart {key}", plan.request, make)
        st.subheader(title, anchor=f"plan-{key}")
        show_chart(chart, f"plan-{key}", title)
        st.caption(f"**How to read it.** {plain(reading)}")


def _break_even_said(plan: Plan) -> str:
    """What the line of break-even stands for, or why there is none."""
    known = {row["break_even"] for row in plan.channels.to_pylist()} - {None}
    if not known:
        return (
            "There is no line of break-even: what one conversion is worth is not known. Give it above as "
            "the profit of one unit of the KPI."
        )
    values = " or ".join(plan.labels.efficiency_value(value) for value in sorted(known))
    return (
        f"The grey line is break-even, {plan.labels.efficiency} {values}: money beyond it is lost."
    )


def _measured(plan: Plan) -> str:
    """Whose range is shown, and how much of it."""
    found = plan.totals.band
    if found is None:
        return "one model alone"
    return f"{found.level:.0%} of the {found.models} {found.whose}"


def _frontier(chosen: PlanningModel, plan: Plan) -> None:
    """The best plan at each total budget within the same bounds."""
    if not st.toggle("What other total budgets would bring", key="plan-frontier"):
        return
    table, labels = chosen.frontier(plan.request), plan.labels
    st.markdown(plain(frontier.finding(table, labels)))
    make = partial(drawn, frontier.chart, table, labels)
    title = "What other total budgets would bring"
    show_chart(chosen.once("chart frontier", plan.request, make), "plan-frontier", title)
    st.caption(
        f"**How to read it.** Each point is the best split of that budget per {labels.period} which the "
        f"bounds allow; the shade holds {_measured(plan)}, orange is today's budget. Below, what the step "
        "up to a budget brings: where that is worse than the dashed line, break-even, the step costs more "
        "than it brings."
    )
    show_numbers(table, labels)
    st.download_button(
        "Download the budgets as CSV",
        lambda: csv_text(table, labels),
        file_name=f"budgets-{chosen.run_id}.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
    )


def _answer(plan: Plan) -> None:
    first, second, *others = plan.findings
    st.markdown(f"## {plain(first)}")
    if plan.totals.worth_making:
        st.markdown(plain(second))
    else:
        st.info(plain(second), icon=":material/balance:")
    labels, totals = plan.labels, plan.totals
    band = totals.band.even_gain if totals.band else None
    if band is None:
        ends = None
    else:
        ends = f"{percent(band[0])} to {percent(band[1])} in {_measured(plan)}"
    before, after = (
        (totals.initial_roi, totals.roi) if labels.revenue else (totals.initial_cpa, totals.cpa)
    )
    response = labels.effect(totals.response)
    response_today = labels.effect(totals.initial_response)
    cards = [
        (
            f"Spend per {labels.period}",
            labels.money(totals.spend),
            f"today {labels.money(totals.initial_spend)}",
        ),
        (f"Response per {labels.period}", response, f"today {response_today}"),
        (
            labels.efficiency,
            labels.efficiency_value(after),
            f"today {labels.efficiency_value(before)}",
        ),
        (
            "Gain over the current allocation",
            MISSING if totals.even_gain is None else percent(totals.even_gain),
            ends,
        ),
    ]
    with st.container(horizontal=True):
        for name, value, note in cards:
            delta = None if note is None else plain(note)
            st.metric(
                plain(name), plain(value), delta, delta_color="off", delta_arrow="off", border=True
            )
    for sentence in others:
        st.markdown(f"- {plain(sentence)}")


def _tie_out(plan: Plan) -> None:
    ties = all(plan.tie_out["ties"].to_pylist())
    books = plan.labels.money(sum(plan.tie_out["books"].to_pylist()))
    said = "is that of the books, to the cent" if ties else "IS NOT that of the books"
    with st.expander(
        f"Today's spend {said}: {plain(books)} from {plan.first} to {plan.last}", expanded=not ties
    ):
        table = plan.tie_out
        show_numbers(table, plan.labels)
