"""The program of a process that parses one long transcript, confined like a decoding process."""

import math
from contextlib import suppress

from gateway.media.captions import PARSERS, encode_segments, parse_captions
from gateway.media.cues import BadCaptions
from gateway.media.decoding.confinement import confine
from gateway.media.decoding.object_file import Gateway
from gateway.media.messages import JOINED, REFUSED, TEXT_BYTES, WRITTEN, WRITTEN_BYTES

_NICENESS = 5


def main() -> None:
    """Read one job from the gateway, confine this process, and parse the transcript."""
    for content_type in PARSERS:  # a confined process can import nothing, not even a codec
        with suppress(BadCaptions):
            parse_captions(content_type, b" ")
    gateway = Gateway()
    job = gateway.job()
    confine(math.ceil(job.seconds), _NICENESS)
    try:
        answer = encode_segments(parse_captions(job.content_type, gateway.read(0, 0, job.sizes[0])))
    except BadCaptions as error:
        text = str(error).encode(errors="replace")[:TEXT_BYTES]
        gateway.say(REFUSED, other=len(text), content=text)
        return
    for start in range(0, len(answer), WRITTEN_BYTES):
        piece = answer[start : start + WRITTEN_BYTES]
        gateway.say(WRITTEN, other=len(piece), content=piece)
    gateway.say(JOINED)
