"""Telemetry: JSON log lines and Prometheus metrics."""
