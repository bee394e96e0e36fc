"""mmm-app: open, self-hosted marketing mix modelling."""

__version__ = "0.1.0"
