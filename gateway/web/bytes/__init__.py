"""The byte route: admission, preconditions, ranges, and the one pump that writes bodies."""
