"""Experiments by geo: what a test found, and which is worth making. Pure: arrays and tables in, results out."""
