"""The program of a process that parses one long transcript, confined like a decoding process."""

import math
from contextlib import suppress

from gateway.media.captions import READERS, encode_segments, parse_captions
from gateway.media.cues import BadCaptions
from gateway.media.decoding.confinement import confine
from gateway.media.decoding.object_file import Gateway
from gateway.media.messages import JOINED, REFUSED, TEXT_BYTES

_NICENESS = 5


def main() -> None:
    """Read one job from the gateway, confine this process, and parse the transcript."""
    for content_type in READERS:  # a confined process can import nothing, not even a codec
        with suppress(BadCaptions):
            parse_captions(content_type, b" ")
    gateway = Gateway()
    job = gateway.job()
    confine(math.ceil(job.seconds), _NICENESS)
    try:
        gateway.write(encode_segments(parse_captions(job.content_type, gateway.read(0, 0, job.sizes[0]))))
        gateway.say(JOINED)
    except BadCaptions as error:
        gateway.say(REFUSED, content=str(error).encode(errors="replace")[:TEXT_BYTES])
