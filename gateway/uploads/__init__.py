"""Uploads: media files on their way in, from the promise to the verified object."""
