"""The experiment: what to model, checked before anything starts."""
