"""What a media file is, and how loud it is over its length.

Media files come from strangers, so they are parsed in a process of their own: `decoding` is that program. `prober`
starts it, serves it the bytes that it asks for, and validates what it answers; `messages` is what the two exchange.
`waveforms` computes each waveform once and keeps it in `waveform_cache`.
"""
