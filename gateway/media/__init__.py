"""Waveforms: how loud a recording is over its length, computed once from the media itself and kept.

Samples become bins in `peaks` (pure). `decoding` is a process of its own that reads the untrusted file with PyAV,
`decoder` the gateway's end of it, `messages` what the two say to each other. `cache` is the folder of waveforms,
finished and unfinished; `computing` has one computation for all who ask, and only so many at once.
"""
