"""The pages of a client's recordings: one statement for each combination of filters.

Every list has an index in its own order (schema.sql), so that a page is read and never sorted; a cursor and times are
bounds of the same index. The parameters:

    $1, $2   the owner                        $5       created after this time
    $3, $4   older than this position         $6, $7   limit and offset
    $8 ...   the values of the filters, in the order device, end user, status
"""

from typing import Final

PAGE_TEMPLATE: Final = """
    SELECT to_json(found) FROM (
        SELECT page.*, (
            SELECT json_agg(m ORDER BY m.created_at, m.id) FROM media_files m WHERE m.recording_id = page.id
        ) AS media_files
        FROM (
            SELECT * FROM recordings
            WHERE user_id = $1 AND live = $2 AND (created_at, id) < ($3, $4) AND created_at > $5{filters}
            ORDER BY created_at DESC, id DESC LIMIT $6 OFFSET $7
        ) page
    ) found
    ORDER BY created_at DESC, id DESC
"""


def _page(*columns: str) -> str:
    """The statement of the list that these columns filter."""
    return PAGE_TEMPLATE.format(filters="".join(f" AND {name} = ${n}" for n, name in enumerate(columns, start=8)))


PAGE_ALL: Final = _page()
PAGE_OF_DEVICE: Final = _page("device_id")
PAGE_OF_END_USER: Final = _page("end_user_id")
PAGE_BY_STATUS: Final = _page("status")
PAGE_OF_DEVICE_AND_END_USER: Final = _page("device_id", "end_user_id")
PAGE_OF_DEVICE_BY_STATUS: Final = _page("device_id", "status")
PAGE_OF_END_USER_BY_STATUS: Final = _page("end_user_id", "status")
PAGE_OF_DEVICE_AND_END_USER_BY_STATUS: Final = _page("device_id", "end_user_id", "status")

# By which of device, end user and status are asked for.
PAGES: Final = {
    (False, False, False): PAGE_ALL,
    (True, False, False): PAGE_OF_DEVICE,
    (False, True, False): PAGE_OF_END_USER,
    (False, False, True): PAGE_BY_STATUS,
    (True, True, False): PAGE_OF_DEVICE_AND_END_USER,
    (True, False, True): PAGE_OF_DEVICE_BY_STATUS,
    (False, True, True): PAGE_OF_END_USER_BY_STATUS,
    (True, True, True): PAGE_OF_DEVICE_AND_END_USER_BY_STATUS,
}
