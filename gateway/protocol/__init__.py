"""Pure decisions: text and numbers in, decisions out. Standard library only; no clock, no randomness, no I/O."""
