"""How wrong a model could be on data like the user's: worlds with known truth on their own data,
the same settings fitted to each, and what that says of the numbers.
"""
