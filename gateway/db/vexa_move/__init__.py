"""The database side of a move from Vexa: its source, and what it writes to our tables."""
