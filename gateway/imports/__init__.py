"""Imports: register files and stored objects as recordings in the catalogue."""
