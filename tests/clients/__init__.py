"""Common client programs against a running gateway."""
