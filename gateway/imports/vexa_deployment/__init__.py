"""Moves the users, meetings, recordings and media files of a Vexa deployment into the catalogue."""
