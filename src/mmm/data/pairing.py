"""Which exposure belongs to which spend: by the channel's words in both names, then by content.

Names come first: the same channel (`tv_S`, `tv_I`), then one name's words within the other's
(`spend_tv_ads`, `impressions_tv`). What names leave open, content decides: two columns that are on
together and move together are one channel. An exposure is organic only where neither speaks for a
spend.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from mmm.data.columns import read_numbers
from mmm.data.naming import At, NamingRules, matches
from mmm.data.proposed import Candidate

#: Spend and exposure of one channel should be on in the same periods; below this share the pair is
#: doubtful.
_LEAST_AGREEMENT = 0.6
_DOUBT = 0.5
#: What content alone must show: on in the same rows, and in step.
_SAME_ROWS, _SAME_MOVES = 0.9, 0.9
#: What content must show beside names that only overlap.
_SOME_MOVES = 0.3
#: Two spends that fit an exposure this nearly alike leave it open.
_TOO_CLOSE = 0.02
#: Content is compared for so many pairs of columns at most.
_MOST_PAIRS = 40_000
#: Words for people reached.
_REACH = frozenset(
    ["reach", "reached", "reichweite", "alcance", "portee", "portée", "copertura", "bereik"]
)
_FILLERS = frozenset(
    [
        "amount",
        "eur",
        "usd",
        "gbp",
        "chf",
        "ad",
        "ads",
        "advertising",
        "campaign",
        "campaigns",
        "channel",
        "channels",
        "marketing",
        "media",
        "paid",
        "total",
    ]
)
_ALIASES = {"fb": "facebook", "ig": "instagram", "yt": "youtube", "adwords": "google"}

Channel = tuple[str, ...]


@dataclass(frozen=True)
class _Content:
    """How two columns go together: share of rows in which both are on or both off, and r."""

    agreement: float
    r: float


def pair_exposures(found: list[Candidate], table: pa.Table, rules: NamingRules) -> None:
    """Give each spend the exposure of its channel; exposures left over are organic or unused."""
    strip = rules.media_words()
    content = _compare(table)
    names_only = {rank for rank, rule in enumerate(rules.rules) if rule.names_channel}
    spends = _spends_by_channel(found, strip, names_only)
    exposures = _of_role(found, "exposure")
    for item in [*exposures, *_unnamed(found, spends, strip)]:
        spend = spends.get(_channel(item.words, strip))
        if spend is None:
            continue
        fits = content(spend, item).agreement >= _LEAST_AGREEMENT
        if item.role == "exposure" or fits:
            _join_or_drop(spend, item, content)
    open_exposures = [item for item in exposures if item.role == "exposure" and not _done(item)]
    all_spends = list(spends.values())
    if len(open_exposures) * len(all_spends) <= _MOST_PAIRS:
        _by_overlap(open_exposures, all_spends, strip, content)
        _by_content(open_exposures, all_spends, content)
    for item in open_exposures:
        if item.role == "exposure" and not _done(item):
            reason = f"{item.proposal.reason}, and no spend belongs to it"
            item.take("organic", item.proposal.confidence * 0.6, reason)


def pair_frequencies(found: list[Candidate], rules: NamingRules) -> None:
    """Give each frequency the spend of its channel, where people reached are the spend's exposure.

    A frequency without is not used; nor is it beside impressions, which hold both: whether to model
    reach and frequency instead is for a person to say.
    """
    strip = rules.media_words()
    by_name = {item.facts.name: item for item in found}
    spends = {_channel(item.words, strip): item for item in found if item.role == "spend"}
    taken: set[str] = set()
    for item in _of_role(found, "frequency"):
        spend = spends.get(_channel(item.words, strip))
        exposure = None if spend is None else by_name.get(spend.proposal.partner or "")
        if spend is None or exposure is None:
            item.drop(
                "a frequency says nothing without its channel's spend and people reached", 0.7
            )
        elif not _REACH & set(exposure.words):
            name = exposure.facts.name
            what = f"{name!r} is proposed; with the people reached as exposure, a frequency tells"
            item.drop(f"{what} how often to reach them", 0.7)
        elif spend.facts.name in taken:
            item.drop(f"a second frequency of {spend.facts.name!r}", 0.7)
        else:
            taken.add(spend.facts.name)
            reason = f"{item.proposal.reason}; with {exposure.facts.name!r}, the people reached"
            item.proposal = replace(item.proposal, partner=spend.facts.name, reason=reason)


def _of_role(found: Sequence[Candidate], role: str) -> list[Candidate]:
    return sorted((item for item in found if item.role == role), key=lambda item: item.rank)


def _done(item: Candidate) -> bool:
    return item.proposal.partner is not None


def _spends_by_channel(
    found: list[Candidate], strip: set[tuple[str, At]], names_only: set[int]
) -> dict[Channel, Candidate]:
    """The spend of each channel; a second one is dropped, unless it was only named like a channel:
    then it may be the channel's exposure.
    """
    spends: dict[Channel, Candidate] = {}
    for item in _of_role(found, "spend"):
        first = spends.setdefault(_channel(item.words, strip), item)
        if first is item:
            continue
        item.drop(f"a second spend of the channel of {first.facts.name!r}", 0.6)
        if item.rank[0] in names_only and first.rank[0] not in names_only:
            item.could_be_exposure = True
    return spends


def _unnamed(
    found: list[Candidate], spends: dict[Channel, Candidate], strip: set[tuple[str, At]]
) -> list[Candidate]:
    """Numbers that no rule took for an exposure, but that have the name of a spend's channel."""
    return [
        item
        for item in found
        if item.role == "unused"
        and item.could_be_exposure
        and item.facts.kind == "number"
        and not item.facts.negative_share
        and _channel(item.words, strip) in spends
    ]


def _by_overlap(
    exposures: list[Candidate],
    spends: list[Candidate],
    strip: set[tuple[str, At]],
    content: Callable[[Candidate, Candidate], _Content],
) -> None:
    """Pairs of which one channel's words lie within the other's, the nearest in step first."""
    found = []
    for item in exposures:
        own = set(_channel(item.words, strip))
        for spend in spends:
            other = set(_channel(spend.words, strip))
            if not (own & other and (own <= other or other <= own)):
                continue
            fit = content(spend, item)
            if fit.agreement >= _LEAST_AGREEMENT and fit.r >= _SOME_MOVES:
                found.append((fit.r, spend, item))
    _join_best(found, content)


def _by_content(
    exposures: list[Candidate],
    spends: list[Candidate],
    content: Callable[[Candidate, Candidate], _Content],
) -> None:
    """Pairs that are on in the same rows and move together, whatever they are called."""
    found = []
    for item in exposures:
        if item.role != "exposure" or _done(item):
            continue
        for spend in spends:
            fit = content(spend, item)
            if fit.agreement >= _SAME_ROWS and fit.r >= _SAME_MOVES:
                found.append((fit.r, spend, item))
    _join_best(found, content)


def _join_best(
    found: list[tuple[float, Candidate, Candidate]],
    content: Callable[[Candidate, Candidate], _Content],
) -> None:
    """Join the pairs in order of r; an exposure that two free spends fit alike is left unused."""
    for r, spend, item in sorted(found, key=lambda pair: -pair[0]):
        if item.role != "exposure" or _done(item):
            continue
        rivals = [
            other
            for near, other, same in found
            if same is item and other is not spend and near > r - _TOO_CLOSE and not _done(other)
        ]
        if rivals and not _done(spend):
            names = f"{spend.facts.name!r} and {rivals[0].facts.name!r}"
            item.drop(f"the exposure of {names} alike; choose whose", 0.4)
            continue
        _join_or_drop(spend, item, content)


def _join_or_drop(
    spend: Candidate, item: Candidate, content: Callable[[Candidate, Candidate], _Content]
) -> None:
    if spend.proposal.partner:
        partner = spend.proposal.partner
        item.drop(f"a second exposure of {spend.facts.name!r}; {partner!r} is proposed", 0.6)
        return
    if item.role != "exposure":
        item.take("exposure", 0.6, f"it has the name of {spend.facts.name!r}'s channel")
    fit = content(spend, item)
    doubt = 1.0 if fit.agreement >= _LEAST_AGREEMENT else _DOUBT
    together = f"on or off together in {fit.agreement:.0%} of rows"
    names = spend.facts.name, item.facts.name
    for one, other in ((spend, names[1]), (item, names[0])):
        reason = f"{one.proposal.reason}; paired with {other!r}, {together}"
        confidence = round(one.proposal.confidence * doubt, 2)
        one.proposal = replace(one.proposal, partner=other, reason=reason, confidence=confidence)


def _compare(table: pa.Table) -> Callable[[Candidate, Candidate], _Content]:
    """A function that compares two columns; each is read once."""
    read: dict[str, np.ndarray] = {}

    def values(item: Candidate) -> np.ndarray:
        name = item.facts.name
        if name not in read:
            numbers = read_numbers(table[name])
            assert numbers is not None  # noqa: S101 - both roles hold numbers
            read[name] = numbers.values
        return read[name]

    def compare(spend: Candidate, exposure: Candidate) -> _Content:
        paid, seen = values(spend), values(exposure)
        agreement = float(((paid > 0) == (seen > 0)).mean())
        known = ~(np.isnan(paid) | np.isnan(seen))
        one, other = paid[known], seen[known]
        if len(one) < 3 or np.ptp(one) == 0 or np.ptp(other) == 0:
            return _Content(agreement, 0.0)
        return _Content(agreement, float(np.corrcoef(one, other)[0, 1]))

    return compare


def _channel(words: tuple[str, ...], strip: set[tuple[str, At]]) -> Channel:
    """The channel's words, sorted: the name without what says spend or exposure, or nothing at all.

    None for a name of such words alone: `Cost` and `Impr.` are those of the table's one channel.
    """
    if any(tuple(word.split()) == words for word, _ in strip):
        return ()
    left = words
    ordered = sorted(strip, key=lambda item: (-len(item[0]), item))
    while True:
        shorter = next(
            (rest for word, at in ordered if (rest := _without(word, at, left)) and rest != left),
            left,
        )
        if shorter == left:
            break
        left = shorter
    meant = [_ALIASES.get(word, word) for word in left if word not in _FILLERS]
    if not meant or any(tuple(word.split()) == left for word, _ in strip):
        return ()
    numbers_only = all(word.isdigit() for word in meant)
    return tuple(sorted(left if numbers_only else meant))


def _without(word: str, at: At, words: tuple[str, ...]) -> tuple[str, ...]:
    """The words without this one (or these in a row) where it stands at its place."""
    if not matches(word, at, words):
        return words
    wanted = tuple(word.split())
    places = [i for i in range(len(words)) if words[i : i + len(wanted)] == wanted]
    start = places[-1] if at == "last" else places[0]
    return words[:start] + words[start + len(wanted) :]
