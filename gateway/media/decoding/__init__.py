"""The program that parses strangers' files, one file for each process; nothing else of the gateway imports it.

PyAV is used here only. The process has no secrets, no files and no network, and limits on memory, time and processes
(`confinement`). It reads the object through the gateway (`object_file`).
"""
