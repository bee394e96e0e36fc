"""Pages on runs: the list, one run, a batch."""
