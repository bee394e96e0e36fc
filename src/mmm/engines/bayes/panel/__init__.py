"""Panels: many geos in one posterior, with a shared baseline and geos that differ around it."""
