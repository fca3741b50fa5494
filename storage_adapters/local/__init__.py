"""The adapter for files below a root directory.

local_storage  the adapter: the file operations for each method of `base`
paths          resolves keys to files, and follows no link out of the root
open_files     a cache of open files, and one version of a file, open for reading
drafts         files that appear whole and durably, and their removal
partials       files that arrive in pieces
listing        the objects of the root in key order
"""

from storage_adapters.local.local_storage import LocalStorage, connect

__all__ = ["LocalStorage", "connect"]
