"""Stress and refutation checks of a run's model: one frozen class each, its threshold in sight.

A check that raises a concern is a reason to test, never a verdict by itself; one that could not run
says so.
"""
