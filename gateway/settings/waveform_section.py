"""The settings of waveforms.

Knows: what may be set, with its default and bounds. Refuses to know: how a waveform is computed or kept.
"""

from gateway.settings.kinds import ByteCount, Count, Folder, Section, WholeSeconds


class Waveforms(Section):
    """What players draw: how much work it may be, and where it is kept; without a folder, in the data directory."""

    folder: Folder | None = None
    max_total_bytes: ByteCount = 67_108_864
    max_concurrent: Count = 1
    timeout_seconds: WholeSeconds = 900
