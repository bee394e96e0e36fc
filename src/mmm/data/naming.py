"""Naming rules: which words in a column's name speak for which role. Declared data that users edit.

The defaults know the public tables of the field (Robyn, Meridian, retail tables with mdsp_/mdip_)
and common English names. A workspace may hold its own rules; the first rule that fits a column's
name and content counts.
"""

from __future__ import annotations

import json
import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mmm.access import User
from mmm.data.mapping import KpiKind
from mmm.errors import Finding, InvalidInput, UserError
from mmm.plain_json import read_json
from mmm.workspace import Workspace

Role = Literal[
    "date",
    "market",
    "geo",
    "population",
    "kpi",
    "spend",
    "exposure",
    "frequency",
    "organic",
    "context",
    "factor",
    "unused",
]
#: Roles whose numbers count something, so that none is negative.
MEDIA_ROLES: tuple[Role, ...] = ("spend", "exposure", "frequency", "organic")
At = Literal["any", "first", "last", "whole"]
#: Between words: marks, tvSpend, TVSpend (but not GRPs), tv1Spend.
_WORD_BORDER = re.compile(
    r"[\W_]+|(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})|(?<=\d)(?=[A-Z][a-z])"
)
#: What a word may end in that is a word of its own: tvspend, Mediakosten.
_ENDINGS = re.compile(
    r"^(?P<first>[^\W\d_]\w+?)"
    r"(?P<last>spends?|costs?|kosten|ausgaben|umsatz|impressions|impressionen|clicks|klicks)$"
)


class _Rules(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NamingRule(_Rules):
    """Any of `words` (lower case; several words in a row count as one) at its place in the name
    speaks for `role`.

    Of several spends or exposures of one channel, and of several KPIs, the one matched by the
    earlier rule, then by the earlier word is proposed. `names_channel` marks words that say which
    channel it is (tv), not what it counts.
    """

    role: Role
    words: tuple[str, ...] = Field(min_length=1)
    at: At = "any"
    confidence: float = Field(gt=0, le=1)
    kpi_kind: KpiKind = "revenue"
    note: str = ""
    names_channel: bool = False


class NamingRules(_Rules):
    """All rules in order. `mean_words` mark numbers that are averaged over time, never added up
    (rates, prices).
    """

    schema_version: Literal[1] = 1
    rules: tuple[NamingRule, ...]
    mean_words: tuple[str, ...] = ()

    def media_words(self) -> set[tuple[str, At]]:
        """Words, with their place, that say spend or exposure without being part of the channel's
        name.
        """
        media = (
            rule
            for rule in self.rules
            if rule.role in ("spend", "exposure", "frequency") and not rule.names_channel
        )
        return {(word, rule.at) for rule in media for word in rule.words}


def words_of(name: str) -> tuple[str, ...]:
    """A name's words in lower case: `tvSpend_DE` is tv, spend, de, and `Mediakosten` media, kosten."""
    found: list[str] = []
    for word in _WORD_BORDER.split(name):
        joined = _ENDINGS.match(word.casefold())
        if joined is not None:
            found += [joined["first"], joined["last"]]
        elif word:
            found.append(word.casefold())
    return tuple(found)


def matches(word: str, at: At, words: tuple[str, ...]) -> bool:
    """Whether the word, or words in a row, stand at the place in the name."""
    if word not in words and " " not in word:
        return False  # most words of most rules end here
    wanted = tuple(word.split())
    size = len(wanted)
    if at == "whole":
        return words == wanted
    if at == "first":
        return words[:size] == wanted
    if at == "last":
        return size <= len(words) and words[-size:] == wanted
    return any(words[i : i + size] == wanted for i in range(len(words) - size + 1))


def parse_naming_rules(text: str | bytes, *, where: str = "naming rules") -> NamingRules:
    """Read rules from JSON. Raises InvalidInput with one finding per wrong field."""
    try:
        return NamingRules.model_validate(read_json(text, where=where))
    except ValidationError as error:
        raise InvalidInput(
            f"{where} are not valid:",
            [
                Finding("error", item["msg"], ".".join(map(str, item["loc"])))
                for item in error.errors()
            ],
        ) from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"is not JSON ({error}).", where=where) from None


def naming_rules(workspace: Workspace) -> NamingRules:
    """The workspace's newest own rules, which come first, and the built-in ones."""
    stored = workspace.naming_rules()
    if stored is None:
        return DEFAULT_RULES
    own = parse_naming_rules(stored, where="the workspace's naming rules")
    return NamingRules(
        rules=own.rules + DEFAULT_RULES.rules, mean_words=own.mean_words + DEFAULT_RULES.mean_words
    )


def save_naming_rules(workspace: Workspace, rules: NamingRules, by: User) -> int:
    """Make the rules the workspace's own; return their version. Earlier versions stay."""
    workspace.permit(by, "naming_rules.save", "naming rules")
    version = workspace.save_naming_rules(rules)
    workspace.append_audit(by, "naming_rules.save", f"version {version}")
    return version


def _rule(
    role: Role,
    words: str,
    confidence: float,
    at: At = "any",
    kpi_kind: KpiKind = "revenue",
    note: str = "",
    names_channel: bool = False,
) -> NamingRule:
    """`words` with commas between them."""
    split = tuple(word.strip() for word in words.split(","))
    return NamingRule(
        role=role,
        words=split,
        at=at,
        confidence=confidence,
        kpi_kind=kpi_kind,
        note=note,
        names_channel=names_channel,
    )


#: What the platforms' own exports call things (Google Ads, Meta, TikTok, LinkedIn, Microsoft,
#: Amazon, and the ad-reporting marts of dbt packages), in English and as they translate it. They go
#: before the general words: "Cost / conv." is no spend, "Campaign" no categorical control.
ATTRIBUTED = "as the platform attributes it; the KPI should be the company's own figure"
PLATFORM_RULES: tuple[NamingRule, ...] = (
    _rule(
        "date",
        "date day, reporting starts, start date, gregorian date, time period, by day, fecha, semana,"
        " tag, woche, monat, jour, semaine, mois, berichtsstart",
        0.95,
    ),
    _rule(
        "frequency",
        "avg frequency, average frequency, mean frequency, frequency, freq, frequenz, fréquence,"
        " frecuencia, frequenza, frequência, frequentie",
        0.85,
    ),
    _rule(
        "unused",
        "cost conv, cost per, cost of sales, acos, roas, ctr, cpc, cpm, cpv, cpa, cpp, cvr,"
        " search impr share, impr share, impression share, quality ranking, engagement rate,"
        " interaction rate, view rate, conv rate, quality score, avg, average, kosten conv, kosten pro",
        0.9,
        note="a ratio of other columns; derive from those what is to be modelled",
    ),
    _rule(
        "unused",
        "campaign name, campaign id, campaign status, campaign type, campaign group name, ad group,"
        " ad group name, ad group id, ad set, ad set name, ad set id, adgroup name, ad name, ad id,"
        " creative name, portfolio name, account, account name, account id, account number,"
        " kampagnenname, nom de la campagne, nombre de la campaña, anzeigengruppe, source relation,"
        " customer id, advertiser name, currency, currency code, delivery status, bidding strategy",
        0.8,
        "whole",
        note="a platform's own name or number; add up its rows, or spread them into columns",
    ),
    _rule(
        "kpi",
        "conv value, conversion value, conversions value, purchase value, purchases conversion value,"
        " total conv value, all conv value, conversion wert, conv wert, conversionwert",
        0.7,
        note=ATTRIBUTED,
    ),
    _rule(
        "kpi",
        "total sales, attributed sales, total revenue",
        0.8,
        note=ATTRIBUTED,
    ),
    _rule(
        "spend",
        "amount spent, total spent, total cost, total spend, media cost, kosten, ausgaben, betrag,"
        " ausgegebener betrag, mediainvest, werbebudget, mediabudget, investition, investitionen,"
        " invest, coste, gasto, gastos, importe gastado, inversion,"
        " inversión, inversiones, costo, costos, depense, dépense, depenses, dépenses, cout, coût, coûts,"
        " montant depense, montant dépensé, investissement, investissements, spesa, spese, costi,"
        " investimento, investimenti, investimentos, custo, custos, despesa, despesas, uitgaven,"
        " uitgave, wydatki, wydatek, koszt, koszty, kostnad, kostnader, omkostning, omkostninger,"
        " utgifter, náklady, výdaje",
        0.95,
    ),
    _rule(
        "kpi",
        "umsatzerlöse, umsätze, erlös, erlöse, ventas, facturación, ventes, chiffre affaires,"
        " chiffre d affaires, ca ht, ca ttc, ingresos, vendite, ricavi, vendas, receitas, faturamento,"
        " verkopen, opbrengst, opbrengsten, przychód, przychody, sprzedaż, obrót, omsättning,"
        " intäkter, försäljning, omsetning, omsætning, salg, tržby, order value",
        0.85,
    ),
    _rule(
        "kpi",
        "total orders, total units, conv, all conv, results, ergebnisse, bestellungen, pedidos,"
        " commandes",
        0.7,
        kpi_kind="conversion",
        note=ATTRIBUTED,
    ),
)

DEFAULT_RULES = NamingRules(
    rules=(
        *PLATFORM_RULES,
        _rule("date", "date, ds, dt, datum", 0.95),
        _rule("date", "week, day, month, time, period, timestamp", 0.9),
        _rule(
            "unused",
            "year, quarter, month, week, day, weekday, hour, prd, yr nbr, qtr nbr, wk nbr, week number, year month",
            0.8,
            "whole",
            note="a part of the date; the engine models trend and season itself",
        ),
        _rule(
            "unused",
            "wk in yr",
            0.8,
            "first",
            note="a part of the date; the engine models season itself",
        ),
        _rule(
            "unused", "seas", 0.8, "first", note="a season's dummy; the engine models season itself"
        ),
        _rule(
            "market",
            "geo, geography, region, market, country, dma, state, city, store, territory, province, markt,"
            " bundesland, filiale, kanton, kraj, rynek, provincia, provincie, pays, région, país, región, mercado, paese, regione, mercato, regio",
            0.9,
        ),
        _rule("market", "land, marché, ciudad, città, stadt", 0.85, "whole"),
        _rule(
            "unused",
            "population, inhabitants",
            0.7,
            note="the market's size, not a cause over time",
        ),
        _rule(
            "unused",
            "per, cpm, cpc, cpa, ctr, roas, roi, cvr",
            0.8,
            note="a ratio of other columns; derive from those what is to be modelled",
        ),
        _rule("context", "competitor, competitors, competition, control, controls", 0.9),
        _rule(
            "context",
            "price, prices, temperature, temp, temps, weather, rain, unemployment, inflation, gdp, sentiment, preis,"
            " preise, preisindex, temperatur, wetter, regen, arbeitslosigkeit, prix, température, météo,"
            " precio, precios, temperatura, clima, prezzo, prezzi, meteo, prijs, temperatuur, weer, cena,"
            " ceny, preço, preços, pris, priser",
            0.8,
        ),
        _rule("context", "index, interest, covid, trends, stock, distribution, gas, macro", 0.7),
        _rule(
            "spend",
            "spend, spends, spent, spending, adspend, cost, costs, expenditure, investment",
            0.95,
        ),
        _rule("spend", "mdsp", 0.9, "first"),
        _rule("spend", "s, budget", 0.8, "last"),
        _rule(
            "organic",
            "organic, newsletter, newsletters, email, emails, seo, owned, earned, crm",
            0.85,
        ),
        _rule(
            "exposure",
            "impressions, impression, imps, impr, imp, impressionen, einblendungen, impresiones,"
            " impressioni, impressões, wyświetlenia, visningar, visninger, weergaven, vertoningen",
            0.9,
        ),
        _rule(
            "exposure",
            "clicks, click, views, grps, grp, trps, trp, reach, sends, opens, circulation, link clicks,"
            " outbound clicks, clicks destination, klicks, clics, clic, cliques, kliks, kliknięcia,"
            " klick, klik, visualizzazioni, reichweite, alcance, portee, portée",
            0.85,
        ),
        _rule("exposure", "mdip", 0.85, "first"),
        _rule("exposure", "i, p", 0.75, "last"),
        _rule(
            "context",
            "discount, discounts, markdown, promo, promotion, promotions, rabatt, rabatte, remise,"
            " descuento, sconto, korting, aktion, aktionen, promoción, promozione",
            0.75,
        ),
        _rule(
            "context",
            "holiday, holidays, hldy, event, events, feiertag, feiertage, ferien, férié, festivo,"
            " festivos, vacances, vacaciones, feestdag",
            0.6,
            note="an event the table itself declares",
        ),
        _rule(
            "factor",
            "event, events, holiday, holidays, promo, promotion, promotions, season, campaign, aktion,"
            " aktionen, feiertag, feiertage, ferien, kampagne, promoción, promozione",
            0.85,
        ),
        _rule("kpi", "revenue, turnover, gmv, umsatz, fatturato, omzet, receita", 0.95),
        _rule(
            "kpi", "sales", 0.85, note="taken for money; choose conversion when it counts pieces"
        ),
        _rule(
            "kpi",
            "conversions, conversion, orders, purchases, transactions, bookings, absatz, stückzahl,"
            " verkäufe, abschlüsse, buchungen, ordini, bestellingen, zamówienia",
            0.9,
            kpi_kind="conversion",
        ),
        _rule(
            "kpi",
            "leads, signups, installs, subscriptions, registrations, units",
            0.75,
            kpi_kind="conversion",
        ),
        _rule("kpi", "kpi, target, y", 0.6, "whole"),
        _rule(
            "context", "me, mrkdn, va, st", 0.6, "first", note="an abbreviation of retail tables"
        ),
        _rule(
            "spend",
            "tv, radio, print, newspaper, ooh, cinema, facebook, meta, instagram, google, youtube, tiktok, snapchat,"
            " pinterest, linkedin, search, display, video, affiliate, affiliates, influencer, podcast, social",
            0.5,
            note="a channel's name without a word for money; check that it is spend",
            names_channel=True,
        ),
    ),
    mean_words=(
        "rate",
        "price",
        "prices",
        "index",
        "share",
        "per",
        "avg",
        "average",
        "mean",
        "ratio",
        "percent",
        "frequency",
        "freq",
        "frequenz",
    ),
)
