"""Pure functions that decide responses and permissions. Standard library only; no clock, no randomness, no I/O."""
