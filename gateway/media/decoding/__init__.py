"""The programs that parse strangers' files, one job for each process; no other package of the gateway imports them.

PyAV is used here only. A process has no secrets, files or network access, and limited memory, time and processes
(`confinement`). It reads the job's objects through the gateway (`object_file`).
"""
