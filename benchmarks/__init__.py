"""Side by side, in one run, on one machine: the gateway and what a user would pick instead.

Knows: how servers are loaded, and how their cost is counted. Refuses to know: how any of them works inside.
Linux only: CPU time comes from /proc, cores are held with taskset. `python -m benchmarks --help`.
"""
