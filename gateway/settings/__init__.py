"""The shape of every setting: its type, its default, what is allowed.

Knows: names, units and bounds. Refuses to know: files, environment and flags, which config.py reads.
"""
