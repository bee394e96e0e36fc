"""The certificate: what simulated worlds on the user's own data say of a run's numbers, as it is
stored.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import TypeAdapter

from mmm.certificate.checks.base import CheckResult
from mmm.certificate.identify import Identifiability
from mmm.certificate.saturation import SaturationTold

#: The form in which a certificate is stored; a later one is not read by this version.
VERSION = 1


@dataclass(frozen=True)
class ChannelCertificate:
    """One channel over all worlds. `error` is the mean distance of the estimated ROI from the
    truth over the mean true ROI, `bias` the same with its sign. `covered`: share of worlds whose
    interval holds the truth. `direction`: share of the advised moves that go the way of the best
    budget, None where none was advised. `stretch` widens the run's interval (`low`, `high`) to
    `recalibrated_low` and `recalibrated_high`. `gain`: share of the width before the data that the
    recalibrated interval has lost; `confidence` the word by `mmm.engines.confidence`.
    """

    channel: str
    worlds: int
    error: float
    bias: float
    covered: float | None
    direction: float | None
    stretch: float
    roi: float | None
    low: float | None
    high: float | None
    recalibrated_low: float | None
    recalibrated_high: float | None
    gain: float | None = None
    confidence: str = ""


@dataclass(frozen=True)
class FamilyCertificate:
    """The worlds of one family of truth together."""

    family: str
    worlds: int
    error: float
    covered: float | None
    total_bias: float
    uplift: float | None
    harmful: int


@dataclass(frozen=True)
class TotalCertificate:
    """All channels over the worlds. `error` is the middle world's spend-weighted ROI error, and nine
    tenths of the worlds lie below `error_high`. `width` is the intervals' relative width,
    `ranked` the share of channel pairs in the right order, `total_bias` the mean error of all media
    together and `total_error` its mean size. Of the advised budget (+-30 %): `uplift_share` of the
    best budget's gain is reached; `harmful` is the share of worlds in which it is more than 1 %
    worse than today's; `regret` and `regret_today` are the mean shares of the best response that
    are lost. `claimed_error` is the ROI error that the width of the run's own intervals means, and
    `expected_error` the one to expect (`certificate.claimed`); None of certificates that did not
    say it.
    """

    worlds: int
    error: float
    error_mean: float
    error_high: float
    covered: float | None
    width: float | None
    ranked: float | None
    direction: float | None
    total_bias: float
    total_error: float
    uplift_share: float | None
    harmful: float | None
    regret: float | None
    regret_today: float | None
    #: In how many of the worlds a budget was advised; None of certificates that did not say it.
    advised: int | None = None
    claimed_error: float | None = None
    expected_error: float | None = None


@dataclass(frozen=True)
class Certificate:
    """See `mmm.certificate`. `failed` are the worlds that could not be trained and why; `seconds` is
    the CPU time of all worlds. `before` and `after` say what can be told apart without and with a
    training; `checks` are the stress and refutation checks; `saturation` says whose saturation can be
    told from drift.
    """

    model_id: str
    engine: str
    engine_version: str
    effort: str
    seed: int
    interval_level: float
    total: TotalCertificate
    channels: tuple[ChannelCertificate, ...]
    families: tuple[FamilyCertificate, ...]
    before: Identifiability
    after: Identifiability
    checks: tuple[CheckResult, ...] = ()
    saturation: tuple[SaturationTold, ...] = ()
    failed: tuple[str, ...] = ()
    seconds: float = 0.0
    version: int = VERSION

    def channel(self, name: str) -> ChannelCertificate | None:
        """The channel's part; None for an unknown one."""
        for item in self.channels:
            if item.channel == name:
                return item
        return None

    def to_json(self) -> str:
        return _ADAPTER.dump_json(self, indent=1).decode()


_ADAPTER = TypeAdapter(Certificate)


def read_certificate(text: str | bytes) -> Certificate:
    """A stored certificate; ValueError for one of another version."""
    return _ADAPTER.validate_json(text)


def certificate_of(tables: object) -> Certificate | None:
    """The certificate of the run whose results these are; None for a run that is not certified."""
    found = getattr(tables, "certificate", None)
    return found if isinstance(found, Certificate) else None
