"""The page on which an experiment is set up."""
