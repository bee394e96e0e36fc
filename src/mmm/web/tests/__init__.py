"""The area Tests: which next, designed, analysed, kept."""
