"""`mmm plan`: the best split of a budget, or the most that can be spent at a target."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mmm.cli import show
from mmm.cli.artifacts import Model
from mmm.cli.runs import Json, Run
from mmm.errors import UserError
from mmm.platforms.local.user import local_user
from mmm.settings import load_settings
from mmm.workspace import Workspace

if TYPE_CHECKING:
    from mmm.planning.forecast import Phasing
    from mmm.planning.plan import Plan

_FACTOR = (
    "as a factor of today's spend: 0.8 for each, tv=0.8 for one, tv+radio=0.8 for a sum, all=0.8 for all "
    "together, tv@2026-12-01:2026-12-31=0.8 in each of these periods (--ahead). May be repeated."
)
_MONEY = (
    "per period, in money: tv=10000 for one, tv+radio=10000 for a sum, all@2026-12-24=10000 in that period "
    "(--ahead). May be repeated."
)


def plan_command(
    run: Run = "latest",
    model: Model = None,
    budget: Annotated[
        float | None, typer.Option(help="Money over all periods; default as much as before.")
    ] = None,
    per_period: Annotated[
        float | None, typer.Option(help="Money per period, in place of --budget.")
    ] = None,
    at_most: Annotated[
        bool, typer.Option("--at-most", help="Spend less where more brings nothing.")
    ] = False,
    target: Annotated[
        str | None,
        typer.Option(
            help="A target ROAS or cost per conversion, or `default`; looks for the budget."
        ),
    ] = None,
    profit: Annotated[
        bool, typer.Option("--profit", help="The largest profit; looks for the budget.")
    ] = False,
    unit_value: Annotated[
        list[str] | None,
        typer.Option(
            help="Profit of one unit of the KPI: 0.4 for all channels, tv=0.3 for one. May be repeated. "
            "Default: the experiment's margin and value per conversion."
        ),
    ] = None,
    risk: Annotated[
        str,
        typer.Option(
            help="downside: move money only where that pays in nearly all draws; expected: the mean gain."
        ),
    ] = "downside",
    free: Annotated[
        list[str] | None,
        typer.Option(
            help="A channel that may move although its confidence is inconclusive, or all. May be repeated."
        ),
    ] = None,
    low: Annotated[list[str] | None, typer.Option(help=f"Lowest spend {_FACTOR}")] = None,
    high: Annotated[list[str] | None, typer.Option(help=f"Highest spend {_FACTOR}")] = None,
    least: Annotated[list[str] | None, typer.Option("--min", help=f"Lowest spend {_MONEY}")] = None,
    most: Annotated[list[str] | None, typer.Option("--max", help=f"Highest spend {_MONEY}")] = None,
    date_range: Annotated[
        str,
        typer.Option(
            "--range", help="Where today's spend is read: all, last_10, 2018-01-01:2018-03-26."
        ),
    ] = "all",
    periods: Annotated[
        int | None, typer.Option(help="Periods to plan; default as many as in the range.")
    ] = None,
    carryover: Annotated[
        str,
        typer.Option(
            help="held: the effect of earlier spend stays (Robyn); follows: it follows the plan."
        ),
    ] = "follows",
    ahead: Annotated[
        bool,
        typer.Option(
            "--ahead",
            help="Plan the periods after the data, the next 13 weeks: KPI forecast, flighting table.",
        ),
    ] = False,
    by_geo: Annotated[
        bool,
        typer.Option(
            "--by-geo",
            help="Decide the spend in each geo of a panel. Bounds may name `tv / North`, or tv or North for a sum.",
        ),
    ] = False,
    frontier: Annotated[
        bool, typer.Option("--frontier", help="Print the best plan at each total budget, too.")
    ] = False,
    even: Annotated[
        bool, typer.Option("--even", help="Spread the spend evenly, not as in the year before.")
    ] = False,
    known: Annotated[
        Path | None,
        typer.Option(help="Control variables ahead: a table with a column each, a row a period."),
    ] = None,
    flighting: Annotated[
        Path | None,
        typer.Option(help="A flighting table (CSV, Excel) whose spends are taken as they are."),
    ] = None,
    name: Annotated[str, typer.Option(help="A name to find the plan by.")] = "",
    csv: Annotated[
        Path | None,
        typer.Option(help="Write the table, with --ahead by period: a .csv or .xlsx file."),
    ] = None,
    save: Annotated[
        bool, typer.Option("--save/--no-save", help="Keep the plan in the workspace.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Split a budget over the paid channels for the largest response, or find the budget for a
    target.

    Example: `mmm plan latest --range last_13 --budget 1400000 --high 1.5 --high tv=2 --max
    search+facebook=30000`.
    """
    from mmm.cli.forward import print_forecast, print_frontier, read_known
    from mmm.models.flighting import read_flighting, write_flighting
    from mmm.models.plans import ahead_fields, model_to_plan, parse_request, save_plan

    fields: dict[str, Any] = {
        "goal": _goal(target, profit=profit),
        "risk": risk,
        **_freed(free or []),
        **_unit_values(unit_value or []),
        "budget": budget,
        "budget_per_period": per_period,
        "budget_rule": "at_most" if at_most else "exact",
        "target": None if target in (None, "default") else _number(str(target), "--target"),
        "period": date_range,
        "periods": periods,
        "carryover": carryover,
        **_limits({"low": low or [], "high": high or [], "least": least or [], "most": most or []}),
    }
    workspace = Workspace.open(load_settings().settings)
    run_id = workspace.find_run(run)
    chosen = model_to_plan(workspace, run_id, model, geos=by_geo)
    shares = None
    if flighting is not None:
        given = read_flighting(flighting, chosen.history.channels)
        fields, shares = fields | given.fields, given.shares
    if ahead or flighting is not None:
        fields = ahead_fields(chosen.history, fields)
    plan, forecast = chosen.plan(parse_request(fields)), None
    if ahead or flighting is not None:
        phasing: Phasing = "even" if even else "as_last_year"
        forecast = chosen.forecast(plan, phasing, read_known(known), shares)
    plan_id = None
    if save:
        plan_id = save_plan(workspace, run_id, plan, local_user(), name=name, ahead=forecast)
    if csv is not None:
        write_flighting(plan.channels if forecast is None else forecast.flighting_table(), csv)
    if as_json:
        document = plan.document(run_id, name=name, created_by=local_user().id)
        document = document.model_copy(update={"forecast": forecast})
        typer.echo(document.model_dump_json(indent=2))
        return
    _warn(workspace, run_id)
    if forecast is not None:
        print_forecast(forecast, plan.labels)
    _print(plan)
    if frontier:
        print_frontier(chosen.frontier(plan.request), plan.labels)
    if plan_id is not None:
        typer.echo(f"\nPlan {plan_id}")


def _goal(target: str | None, *, profit: bool) -> str:
    if target is not None and profit:
        raise UserError("is another goal than --target; give one of them.", where="--profit")
    if profit:
        return "profit"
    return "max_response" if target is None else "target"


def _freed(names: list[str]) -> dict[str, Any]:
    """`all`, or channels by name."""
    if "all" in names:
        return {"hold": "none"}
    return {"free": tuple(names)}


def _unit_values(texts: list[str]) -> dict[str, Any]:
    """`0.4` is for all channels, `tv=0.3` for one."""
    out: dict[str, Any] = {"channel_values": {}}
    for text in texts:
        channel, equals, value = text.rpartition("=")
        number = _number(value, "--unit-value")
        if equals:
            out["channel_values"][channel.strip()] = number
        else:
            out["unit_value"] = number
    return out


def _warn(workspace: Workspace, run_id: str) -> None:
    """The run's open red warning, above the plan."""
    from mmm.results import read_results
    from mmm.results.model_summary import labels_of
    from mmm.results.trust import trust, warning_line

    results = read_results(workspace, run_id)
    line = warning_line(trust(results, results.summary, labels_of(results.summary)))
    if line:
        typer.echo(f"{line}\n")


def _limits(given: dict[str, list[str]]) -> dict[str, Any]:
    """`0.8` is for all channels, `tv=0.8` for one, `tv+radio=0.8` for a sum."""
    options = {"low": "--low", "high": "--high", "least": "--min", "most": "--max"}
    out: dict[str, Any] = {"limits": {}}
    for field, texts in given.items():
        for text in texts:
            channel, equals, value = text.rpartition("=")
            number = _number(value, options[field])
            if equals:
                out["limits"].setdefault(channel.strip(), {})[field] = number
            elif field in ("low", "high"):
                out[field] = number
            else:
                raise UserError(
                    f"{text!r} names no channel.", where=options[field], fix="Write channel=amount."
                )
    return out


def _number(text: str, option: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UserError(f"{text!r} is not a number.", where=option) from None


def _print(plan: Plan) -> None:
    from mmm.format import MISSING, fixed, percent
    from mmm.planning.plan import made_with

    labels, totals = plan.labels, plan.totals
    key = labels.measure
    rows: list[tuple[str, ...]] = []
    for row in plan.channels.to_pylist():
        change, low, high = row["spend_change"], row.get("response_low"), row.get("response_high")
        rows.append(
            (
                row["channel"],
                fixed(row["initial_spend"]),
                fixed(row["spend"]),
                MISSING if change is None else percent(change),
                f"{fixed(row['low'])} to {fixed(row['high'])}",
                labels.effect(row["initial_response"]),
                labels.effect_band(row["response"], low, high),
                labels.efficiency_value(row[f"initial_{key}"]),
                labels.efficiency_value(row[key]),
            )
        )
    change = MISSING if totals.spend_change is None else percent(totals.spend_change)
    efficiency = ((totals.initial_roi, totals.roi), (totals.initial_cpa, totals.cpa))[key == "cpa"]
    ends = totals.band.response if totals.band else (None, None)
    planned = labels.effect_band(totals.response, *ends)
    rows.append(
        ("total", fixed(totals.initial_spend), fixed(totals.spend), change, "",
         labels.effect(totals.initial_response), planned,
         *(labels.efficiency_value(value) for value in efficiency))
    )  # fmt: skip
    typer.echo(
        f"{made_with(plan.model_id).capitalize()}, {labels.currency} per {labels.period}, today: {plan.first} to {plan.last}\n"
    )
    headings = (
        "CHANNEL",
        "TODAY",
        "PLAN",
        "CHANGE",
        "BOUNDS",
        "RESPONSE",
        "PLANNED",
        labels.efficiency,
        "PLANNED",
    )
    show.table(headings, rows)
    typer.echo("")
    for sentence in plan.findings:
        typer.echo(sentence)
    books = sum(plan.tie_out["books"].to_pylist())
    verdict = "is" if all(plan.tie_out["ties"].to_pylist()) else "IS NOT"
    typer.echo(
        f"Today's spend {verdict} that of the books, to the cent: {labels.currency} {fixed(books)} in the range."
    )
