"""How well an engine recovers a known truth: train on simulated data, score against what really
happened.
"""
