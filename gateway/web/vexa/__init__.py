"""Vexa's dialect: `/recordings`, `/transcripts` and the uploads of meeting bots."""
