"""Bota's dialect: `/v1/recordings` with its uploads."""
