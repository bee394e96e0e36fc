"""What a refresh says of channels that lost their effect."""

from __future__ import annotations

import pyarrow as pa

from mmm.format import Labels
from mmm.results.moves import finding

EUR = Labels("revenue", "revenue", "EUR")


def moved(**shares: tuple[float, float, float]) -> pa.Table:
    """moved(tv=(old, refitted, new)): shares of the paid effect, with a ROAS ten times as large."""
    rows = []
    for channel, (old, refitted, new) in shares.items():
        for measure, scale in (("effect_share", 1.0), ("roi", 10.0)):
            values = {"old": old * scale, "refitted": refitted * scale, "new": new * scale}
            differences = {
                "by_data": values["refitted"] - values["old"],
                "by_parameters": values["new"] - refitted,
            }
            rows.append({"variable": channel, "measure": measure, **values, **differences})
    return pa.Table.from_pylist(rows)


def test_a_channel_that_the_search_took_away_is_told_apart_from_one_the_data_took() -> None:
    text = finding(moved(tv=(0.5, 0.5, 0.7), radio=(0.2, 0.18, 0.0), print=(0.3, 0.0, 0.0)), EUR)
    assert text.startswith("print moved most: ")
    assert (
        "radio had 20.0 % and has no effect now; the old parameters on the new data still give it 18.0 %"
        in text
    )
    assert (
        "print had 30.0 % and has no effect now; the old parameters on the new data give it none either."
        in text
    )


def test_nothing_is_said_of_channels_that_keep_an_effect() -> None:
    assert "no effect now" not in finding(moved(tv=(0.5, 0.5, 0.7), radio=(0.5, 0.5, 0.3)), EUR)
