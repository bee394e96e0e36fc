"""Weekly marketing data with known truth: to try the product out, and to measure how well an engine
recovers it.
"""
