"""The byte route: admission, preconditions, ranges, and the pump that writes bodies."""
