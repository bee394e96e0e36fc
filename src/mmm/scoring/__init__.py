"""An estimate beside a known truth: pure functions that recovery and certificates share."""
