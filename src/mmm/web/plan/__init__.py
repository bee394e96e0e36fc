"""The page on which a budget is planned."""
