"""seekgate: recorded media by exact byte range, after a key check and one look-up."""

__version__ = "0.1.0"
