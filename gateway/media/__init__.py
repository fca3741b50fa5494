"""Reads media files and transcripts: type and duration, waveforms, joined files, and caption formats.

Media files come from strangers, so they are parsed in a process of their own: `decoding` is that program. `prober`
starts it, serves it the bytes that it asks for, and validates its messages; `messages` defines what the two exchange.
`waveforms` computes each waveform once and caches it in `waveform_cache`. `caption_reader` parses transcripts.
"""
