"""The composition root: it builds everything from the settings, and is the one place that knows everyone."""
