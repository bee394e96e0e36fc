"""The page of the administrators."""
