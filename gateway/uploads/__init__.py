"""Uploads of media files: from the pending media file that a client announces to the verified object."""
