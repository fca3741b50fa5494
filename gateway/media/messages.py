"""What the gateway and its decoding process say to each other, over the process's standard input and output.

Knows: the wire format. Refuses to know: what is decoded, and by whom.

    to the process     the object's size (8 bytes); then, for each READ, exactly the bytes that it asked for
    from the process   a kind (1 byte), two numbers (8 bytes each), and BINS bytes behind SO_FAR and DONE

    READ offset length        these bytes, please: they lie inside the object
    SO_FAR microseconds 0     the bins of what is covered by now
    DONE microseconds 0       the bins; the last message
    SILENT 0 0                there is no sound in it; the last message
    BROKEN 0 0                it cannot be decoded; the last message

Numbers are unsigned, the most significant byte first. Fixed sizes leave a process that a hostile file has taken over
nothing to say that would not be checked.
"""

from struct import Struct
from typing import Final

SIZE: Final = Struct(">Q")
HEAD: Final = Struct(">cQQ")

READ: Final = b"R"
SO_FAR: Final = b"P"
DONE: Final = b"D"
SILENT: Final = b"S"
BROKEN: Final = b"B"
