"""Meta's Robyn in R behind the engine interface. `run_robyn.R` is the only R there is."""
