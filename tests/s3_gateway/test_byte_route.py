"""The conformance table of the byte route, unchanged, over S3: every row against Swift, Ceph and rclone.

The tests are the ones of tests/conformance; `site` is another. Left out are those that reach into local files
(a given time of modification, a hole of five gigabytes, a file replaced in place), those in which an object outlives
its deletion, as an open file does, and the download URL's, which S3 answers itself (test_presigned.py).
"""

from tests.conformance.test_any_range import *  # noqa: F403 - every test of the module, whatever it is called
from tests.conformance.test_conditionals import *  # noqa: F403 - the same
from tests.conformance.test_connections import *  # noqa: F403 - the same
from tests.conformance.test_cors import *  # noqa: F403 - the same
from tests.conformance.test_deletion import test_a_deleted_recording_is_gone_at_once_and_everywhere
from tests.conformance.test_multiple_ranges import *  # noqa: F403 - the same
from tests.conformance.test_odd_objects import test_an_empty_object, test_an_object_of_one_byte
from tests.conformance.test_playback_urls import *  # noqa: F403 - the same
from tests.conformance.test_precedence import *  # noqa: F403 - the same
from tests.conformance.test_ranges import *  # noqa: F403 - the same

__all__ = [
    "test_a_deleted_recording_is_gone_at_once_and_everywhere",
    "test_an_empty_object",
    "test_an_object_of_one_byte",
]
del test_the_download_url_is_an_attachment  # noqa: F821 - S3 answers it
