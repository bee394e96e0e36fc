"""A proposal which column plays which role, from names and content, with a confidence and the
reason for each.

Nothing is decided for the user: what a valid mapping still lacks, and what the data would make an
engine refuse, is said as findings, and only a mapping that passes its own validation is handed out.
"""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pyarrow as pa

from mmm.data.calendar import distinct_days, repeated_rows
from mmm.data.columns import read_numbers, read_times
from mmm.data.long_form import LongForm, find_long
from mmm.data.mapping import Mapping, OrganicColumn, PaidColumns, SignedColumn
from mmm.data.markets import read_markets
from mmm.data.naming import (
    ATTRIBUTED,
    DEFAULT_RULES,
    MEDIA_ROLES,
    NamingRule,
    NamingRules,
    Role,
    matches,
    words_of,
)
from mmm.data.pairing import pair_exposures, pair_frequencies
from mmm.data.profile import ColumnFacts, profile
from mmm.data.proposed import Candidate, ColumnProposal
from mmm.data.quality.currencies import currency_in_name
from mmm.data.text_numbers import texts_named_like_numbers
from mmm.errors import Finding
from mmm.sources.cells import is_date
from mmm.sources.evidence import named_as_date
from mmm.sources.names import require_names
from mmm.sources.text_types import usual_format
from mmm.workspace.tables import currencies_of

#: A text with more different values than this is no factor; the engines refuse it too.
MOST_LEVELS = 30
_DOUBT = 0.5
_UNKNOWN = 0.3
#: Puts a rank behind those of all rules.
_LAST = 100_000


@dataclass(frozen=True)
class Proposal:
    """A role for every column in the table's order. `mapping` is None where `findings` say what it
    lacks.
    """

    columns: tuple[ColumnProposal, ...]
    mapping: Mapping | None
    findings: tuple[Finding, ...] = ()
    #: Set for a long table, which has to be spread into columns first.
    long: LongForm | None = None

    def column(self, name: str) -> ColumnProposal:
        return next(item for item in self.columns if item.column == name)


def propose(table: pa.Table, rules: NamingRules = DEFAULT_RULES) -> Proposal:
    """Propose a mapping for the table. Raises UserError for unnamed and repeated columns."""
    require_names(table.column_names, "the table")
    found = [Candidate(facts, words_of(facts.name)) for facts in profile(table)]
    for candidate in found:
        _by_name(candidate, rules)
    _choose_date(found)
    _choose_market(found, table)
    _choose_kpi(found)
    pair_exposures(found, table, rules)
    pair_frequencies(found, rules)
    _drop_copies(found, table)
    long = find_long(table, [candidate.facts for candidate in found], rules)
    if long is not None:
        _not_a_market(found, long)
    columns = tuple(candidate.proposal for candidate in found)
    findings = [] if long is None else [_is_long(long)]
    findings += texts_named_like_numbers(found, table, rules)
    findings += (
        _lacking(columns, table) + _refused(found) + _two_currencies(columns, currencies_of(table))
    )
    lacking = any(finding.level == "error" for finding in findings)
    return Proposal(columns, None if lacking else _mapping(columns), tuple(findings), long)


def _not_a_market(found: list[Candidate], long: LongForm) -> None:
    for item in found:
        if item.facts.name == long.pivot.key:
            item.drop("it names channels or variables of a long table, not markets", 0.9)


def _is_long(long: LongForm) -> Finding:
    key, values = long.pivot.key, ", ".join(map(repr, long.pivot.values))
    what = (
        f"a long table: {long.rows:,} rows for {long.dates:,} dates, and {long.reason}. Rows of "
        f"{key!r} are no markets: added up, what repeats on them would count several times."
    )
    fix = (
        f"Spread {values} into one column for each of its {len(long.keys)} values: `mmm propose "
        "MARKET/DATASET --recipe week` prints the recipe that does it."
    )
    return Finding("error", what, f"column {key!r}", fix)


def _by_name(candidate: Candidate, rules: NamingRules) -> None:
    """The first rule that fits name and content; without one, what the content alone says."""
    facts = candidate.facts
    if facts.kind == "empty":
        return candidate.drop("it has no value at all", 1.0)
    if facts.kind == "other":
        return candidate.drop("its type holds neither numbers, dates nor text", 1.0)
    for rank, rule in enumerate(rules.rules):
        for place, word in enumerate(rule.words):
            if matches(word, rule.at, candidate.words) and _fits(rule.role, facts):
                candidate.rank = (rank, place)
                return _take_rule(candidate, rule, word)
    if facts.kind == "date":
        candidate.take("date", 0.6, "it holds dates")
    elif facts.counts_rows:
        candidate.drop("it numbers the rows", 0.95)
    elif facts.kind == "text":
        candidate.drop(f"text with {facts.distinct:,} values that no naming rule knows", _UNKNOWN)
    elif facts.constant:
        candidate.drop(f"it is {facts.minimum:g} everywhere", 0.95)
    else:
        candidate.could_be_exposure = True
        candidate.drop("no naming rule knows it; give it a role if it moves the KPI", _UNKNOWN)
    return None


def _take_rule(candidate: Candidate, rule: NamingRule, word: str) -> None:
    facts = candidate.facts
    if facts.constant and rule.role not in ("date", "market", "unused"):
        value = "has one value only" if facts.kind == "text" else f"is {facts.minimum:g} everywhere"
        return candidate.drop(f"named like {rule.role} ({word!r}), but it {value}", 0.9)
    reason = f"the name has {word!r}" + (f": {rule.note}" if rule.note else "")
    confidence = rule.confidence
    if facts.negative_share and rule.role in MEDIA_ROLES:
        confidence *= _DOUBT
        reason += f"; but {facts.negative_share:.0%} of its values are negative"
    return candidate.take(
        rule.role, confidence, reason, rule.kpi_kind if rule.role == "kpi" else None
    )


def _fits(role: Role, facts: ColumnFacts) -> bool:
    """Whether the content may play the role at all."""
    number = facts.kind in ("number", "flag")
    return {
        "date": facts.kind == "date",
        "market": facts.kind == "text" or (facts.kind == "number" and facts.whole_numbers),
        "geo": facts.kind == "text" or (facts.kind == "number" and facts.whole_numbers),
        "population": number,
        "factor": facts.kind == "text" and (facts.distinct or 0) <= MOST_LEVELS,
        "kpi": facts.kind == "number",
        "spend": facts.kind == "number",
        "exposure": facts.kind == "number",
        "frequency": facts.kind == "number",
        "organic": number,
        "context": number,
        "unused": facts.kind != "date",
    }[role]


def _choose_one(found: list[Candidate], role: Role, why_not: str) -> Candidate | None:
    """Keep the best candidate for a role that only one column has: by rule, then by the table's
    order.
    """
    candidates = sorted((item for item in found if item.role == role), key=lambda item: item.rank)
    for other in candidates[1:]:
        other.drop(why_not.format(chosen=candidates[0].facts.name), 0.6)
    if len(candidates) > 1 and candidates[1].rank[0] == candidates[0].rank[0]:
        chosen = candidates[0].proposal
        reason = f"{chosen.reason}; another column would do as well"
        candidates[0].proposal = replace(
            chosen, confidence=round(chosen.confidence * 0.7, 2), reason=reason
        )
    return candidates[0] if candidates else None


def _choose_date(found: list[Candidate]) -> None:
    _choose_one(found, "date", "another date; {chosen!r} is proposed")


def _choose_kpi(found: list[Candidate]) -> None:
    """The first by rule, but a company's own figure before what a platform attributes to itself."""
    kpis = [item for item in found if item.role == "kpi"]
    own = {item.proposal.kpi_kind for item in kpis if not attributed(item.proposal)}
    for item in kpis:
        worth_less = "revenue" in own or item.proposal.kpi_kind in own
        if attributed(item.proposal) and worth_less:
            item.rank = (item.rank[0] + _LAST, item.rank[1])
    _choose_one(
        found, "kpi", "another KPI; {chosen!r} is proposed, and as a driver this one would leak"
    )


def attributed(item: ColumnProposal) -> bool:
    """Whether a KPI is one that an advertising platform attributes to its own ads."""
    return item.role == "kpi" and ATTRIBUTED in item.reason


def _choose_market(found: list[Candidate], table: pa.Table) -> None:
    """The market's column: named like one, or the text that makes repeated dates distinct."""
    date = next((item for item in found if item.role == "date"), None)
    days = None if date is None else read_times(table[date.facts.name])
    dates, row_date = distinct_days(np.array([], "datetime64[D]") if days is None else days.days)
    repeated = len(row_date) > len(dates) > 0
    for item in found:
        if item.role == "market" and not (
            repeated and _tells_apart(table, item.facts.name, row_date, len(dates))
        ):
            item.drop("named like a market, but it does not tell repeated dates apart", 0.7)
    if repeated and not any(item.role == "market" for item in found):
        for item in found:
            if (
                item.facts.kind == "text"
                and item.role == "unused"
                and _tells_apart(table, item.facts.name, row_date, len(dates))
            ):
                item.take("market", 0.7, "each date comes once for each of its values")
    _choose_one(found, "market", "another market; {chosen!r} is proposed")


def _tells_apart(table: pa.Table, name: str, row_date: np.ndarray, dates: int) -> bool:
    """Whether dates and this column together name every row once."""
    markets = read_markets(table[name])
    count = len(markets.names)
    codes = np.where(markets.codes < 0, count, markets.codes)
    return count > 1 and not len(repeated_rows(row_date, codes, dates))


def _drop_copies(found: list[Candidate], table: pa.Table) -> None:
    """Of context columns that hold the same in every row, such as holidays that always coincide,
    keep the first.
    """
    seen: dict[bytes, str] = {}
    for item in found:
        if item.role != "context":
            continue
        numbers = read_numbers(table[item.facts.name])
        assert numbers is not None  # noqa: S101 - context holds numbers
        first = seen.setdefault(numbers.values.tobytes(), item.facts.name)
        if first != item.facts.name:
            item.drop(
                f"the same as {first!r} in every row, so their effects cannot be told apart", 0.95
            )


def _lacking(columns: Sequence[ColumnProposal], table: pa.Table) -> list[Finding]:
    """What a mapping cannot do without."""
    needs = {
        "date": (
            "no column holds dates.",
            "Choose the column that holds each row's date (2024-12-31).",
        ),
        "kpi": (
            "no column is named like a KPI.",
            "Choose the number the media are to explain, such as revenue.",
        ),
        "spend": (
            "no column is named like spend.",
            "Choose at least one column of money spent, or edit the rules.",
        ),
    }
    roles = {item.role for item in columns}
    if "date" not in roles:
        needs["date"] = _no_date(table, needs["date"][1])
    dated = [item.column for item in columns if is_date(item.column)]
    if len(dated) > len(columns) / 2:
        needs["date"] = (
            f"no column holds dates; {len(dated)} columns are named by one, first {dated[0]!r}.",
            "The table lies on its side: turn it, so that each date is a row.",
        )
    found: list[Finding] = []
    for role, (what, fix) in needs.items():
        if role in roles:
            continue
        # Organic media alone can be modelled; that no spend was found is worth a look all the same.
        level: Literal["error", "warning"] = "error"
        if role == "spend" and "organic" in roles:
            level = "warning"
        found.append(Finding(level, what, f"role {role}", fix))
    return found


def _no_date(table: pa.Table, fix: str) -> tuple[str, str]:
    """What is said where no column holds dates: which one seems to be meant, and what is in it."""
    names = table.column_names
    named = [name for name in names if named_as_date(name)]
    likely = named[0] if named else names[0]
    cells = [cell for cell in table[likely].slice(0, 1_000).to_pylist() if cell is not None]
    if not cells or not (named or isinstance(cells[0], str)):
        return "no column holds dates.", fix
    _, misfits = usual_format([str(cell) for cell in cells])
    no_dates = [str(cell) for cell in cells if not is_date(str(cell))]
    odd = [*misfits, *no_dates, cells[0]][0]
    what = (
        f"no column holds dates; column {likely!r} holds {str(odd)[:60]!r}, which is read as none."
    )
    return what, f"{fix} Write dates as 2024-12-31, weeks as 2024-W01."


def _refused(found: Sequence[Candidate]) -> list[Finding]:
    """What an engine would refuse in the columns as they are proposed."""
    findings = []
    for item in found:
        where = f"column {item.facts.name!r}"
        if item.role in MEDIA_ROLES and item.facts.negative_share:
            fix = "Correct the source: book refunds where the spend was."
            if item.facts.all_negative:
                fix = (
                    "An export that books spend as negative: turn the sign, by the button on the page "
                    'Data quality or with "negate": true in the column\'s rule of the recipe.'
                )
            findings.append(
                Finding("warning", "negative values, which no medium may have.", where, fix)
            )
        if item.role not in ("unused", "factor") and item.facts.missing:
            fix = "Prepare the dataset with a rule for gaps in this column."
            findings.append(
                Finding("warning", f"{item.facts.missing:,} cells are empty.", where, fix)
            )
    return findings


def _two_currencies(
    columns: Sequence[ColumnProposal], known: MappingType[str, str]
) -> list[Finding]:
    """Spend and revenue whose cells (`known`) or names say different currencies."""
    named: dict[str, str] = {}
    for item in columns:
        is_money = item.role == "spend" or (item.role == "kpi" and item.kpi_kind != "conversion")
        code = known.get(item.column) or currency_in_name(item.column)
        if is_money and code is not None:
            named[item.column] = code
    if len(set(named.values())) < 2:
        return []
    said = ", ".join(f"{name!r} is in {code}" for name, code in named.items())
    fix = "Convert all money to one currency."
    return [Finding("warning", f"the money is in two currencies: {said}.", "table", fix)]


def _mapping(columns: Sequence[ColumnProposal]) -> Mapping:
    def of(role: Role) -> list[ColumnProposal]:
        return [item for item in columns if item.role == role]

    kpi = of("kpi")[0]
    frequencies = {item.partner: item.column for item in of("frequency")}
    return Mapping(
        date=of("date")[0].column,
        kpi=kpi.column,
        kpi_kind=kpi.kpi_kind or "revenue",
        paid=tuple(
            PaidColumns(
                spend=item.column, exposure=item.partner, frequency=frequencies.get(item.column)
            )
            for item in of("spend")
        ),
        organic=tuple(OrganicColumn(column=item.column) for item in of("organic")),
        context=tuple(SignedColumn(column=item.column) for item in of("context")),
        factors=tuple(SignedColumn(column=item.column) for item in of("factor")),
        market=next((item.column for item in of("market")), None),
    )
