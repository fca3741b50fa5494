"""The demo: a recording that tells its own time, and a synthetic corpus for load tests."""
