"""Imports: files and stored objects become recordings in the catalogue."""
