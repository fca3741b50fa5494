"""The byte route: admits readers, checks preconditions and ranges, and writes bodies."""
