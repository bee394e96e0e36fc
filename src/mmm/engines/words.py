"""The words that result tables and problems may use, each declared once."""

from __future__ import annotations

from enum import StrEnum


class Confidence(StrEnum):
    """How sure the effect of a channel is."""

    HIGH = "high"
    MEDIUM = "medium"
    INCONCLUSIVE = "inconclusive"


class Split(StrEnum):
    """The part of the window that a period belongs to."""

    TRAIN = "train"
    VAL = "val"
    TEST = "test"


class AdstockKind(StrEnum):
    """The course of a channel's carryover."""

    GEOMETRIC = "geometric"
    WEIBULL_CDF = "weibull_cdf"
    WEIBULL_PDF = "weibull_pdf"
    DELAYED = "delayed"


class ChannelKind(StrEnum):
    """Whether a channel is paid for."""

    PAID = "paid"
    ORGANIC = "organic"


class ComponentKind(StrEnum):
    """What a component of the fitted KPI stands for."""

    INTERCEPT = "intercept"
    TREND = "trend"
    SEASON = "season"
    MONTHLY = "monthly"
    WEEKDAY = "weekday"
    HOLIDAY = "holiday"
    CONTEXT = "context"
    PAID = "paid"
    ORGANIC = "organic"


class FrameKind(StrEnum):
    """What a column of the model frame stands for: the KPI, or as a component."""

    KPI = "kpi"
    TREND = "trend"
    SEASON = "season"
    MONTHLY = "monthly"
    WEEKDAY = "weekday"
    HOLIDAY = "holiday"
    CONTEXT = "context"


class Sign(StrEnum):
    """The sign that a coefficient may have."""

    UNCONSTRAINED = "unconstrained"
    POSITIVE = "positive"
    NEGATIVE = "negative"


class KpiKind(StrEnum):
    """Money, for which channels report ROAS, or a count, for which they report CPA."""

    REVENUE = "revenue"
    CONVERSION = "conversion"


class Scope(StrEnum):
    """What of an effect a lift test counts."""

    IMMEDIATE = "immediate"
    TOTAL = "total"


class Quantity(StrEnum):
    """What is expected of a channel before the data, and told after them."""

    ROI = "roi"
    SHARE = "share"
    HALF_LIFE = "half_life"
    SATURATION = "saturation"


class Source(StrEnum):
    """Where a figure comes from."""

    DATA = "data"
    PRIOR = "prior"
