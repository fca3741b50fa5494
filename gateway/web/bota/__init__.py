"""Bota's dialect: `/v1/recordings`, and the uploads to `/v1/uploads`."""
