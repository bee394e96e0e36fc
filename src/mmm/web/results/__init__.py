"""Pages on results: one run, and several compared."""
