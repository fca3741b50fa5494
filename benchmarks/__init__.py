"""Benchmarks that compare the gateway with the servers that a user would choose instead, in one run on one machine.

Servers are loaded and measured from outside. Linux only: CPU time is read from /proc, and taskset pins processes to
cores. `python -m benchmarks --help`.
"""
