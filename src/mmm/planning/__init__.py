"""Planning with a stored model: response at any spend and date range, and the best split of a
budget.
"""
