"""Uploads of media files, from the pending media file that is promised to the verified object."""
