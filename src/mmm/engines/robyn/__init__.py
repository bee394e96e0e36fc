"""Meta's Robyn in R behind the engine interface. `r/run_robyn.R` is the only R there is."""
