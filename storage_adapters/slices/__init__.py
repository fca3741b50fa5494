"""A disk cache of slices in front of objects that are far away, off unless `cache_max_bytes` is set.

    object     | slice 0 | slice 1 | slice 2 | ...                  SLICE_BYTES each, the last one shorter
    segment    | 64 slices: one file without a name, each slice at its own offset, holes where none came by |

    cache      what is kept, of which versions; the door
    reading    one version, open for reading: from the disk, from a fill, or past the cache
    fills      slices on their way, each fetched once for all who wait for it
    segments   files, and who goes when there is no room

Files have no names: nobody else sees them, and nothing is left behind however the process ends. Bytes are
only ever added to a file, never overwritten or taken out, so whatever the kernel still sends of it stays as it is; what
has to go goes by the segment. Each process has a cache of its own.
"""

from storage_adapters.slices.cache import SliceCache, open_cache

__all__ = ["SliceCache", "open_cache"]
