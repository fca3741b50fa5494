"""The demo: recordings to try, and a synthetic corpus for load tests."""
