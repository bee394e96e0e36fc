"""Experiments by geo: what a test found. Pure: arrays and tables in, results out."""
