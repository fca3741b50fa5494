"""A disk cache of slices in front of objects that are far away, off unless `cache_max_bytes` is set.

    object     | slice 0 | slice 1 | slice 2 | ...                  SLICE_BYTES each, the last one shorter
    segment    | 64 slices: one unnamed file, each slice at its own offset, holes where none was fetched |

    cache      which versions of which objects are cached; what the adapter calls
    versions   the cached slices of one version
    reading    one version, open for reading: from the disk, from a fill, or from S3 directly
    fills      slices that are being fetched, each once for all readers that wait for it
    segments   the files, and their eviction

The files have no names: no other process sees them, and they disappear with the process, however it ends. Bytes are
only added to a file, never overwritten or removed, so bytes that the kernel is still sending do not change. Whole
segments are evicted. Each process has a cache of its own.
"""

from storage_adapters.slices.cache import SliceCache, open_cache

__all__ = ["SliceCache", "open_cache"]
