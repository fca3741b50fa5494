"""The pages of a client's recordings: one statement for each choice of filters.

Knows: that every list has an index in its own order (schema.sql), so that a page is read and never sorted, and
that a cursor and moments are bounds of the same index. Refuses to know: what a page is shown as.

    $1, $2   the owner              $5   created after, itself not meant       $8...   the filters' values, in the
    $3, $4   older than, likewise   $6, $7   limit and offset                          order device, end user, status
"""

from typing import Final

PAGE_ALL: Final = """
    SELECT to_json(found) FROM (
        SELECT page.*, (
            SELECT json_agg(m ORDER BY m.created_at, m.id) FROM media_files m WHERE m.recording_id = page.id
        ) AS media_files
        FROM (
            SELECT * FROM recordings
            WHERE user_id = $1 AND live = $2 AND (created_at, id) < ($3, $4) AND created_at > $5
            ORDER BY created_at DESC, id DESC LIMIT $6 OFFSET $7
        ) page
    ) found
    ORDER BY created_at DESC, id DESC
"""
PAGE_OF_DEVICE: Final = """
    SELECT to_json(found) FROM (
        SELECT page.*, (
            SELECT json_agg(m ORDER BY m.created_at, m.id) FROM media_files m WHERE m.recording_id = page.id
        ) AS media_files
        FROM (
            SELECT * FROM recordings
            WHERE user_id = $1 AND live = $2 AND (created_at, id) < ($3, $4) AND created_at > $5
              AND device_id = $8
            ORDER BY created_at DESC, id DESC LIMIT $6 OFFSET $7
        ) page
    ) found
    ORDER BY created_at DESC, id DESC
"""
PAGE_OF_END_USER: Final = """
    SELECT to_json(found) FROM (
        SELECT page.*, (
            SELECT json_agg(m ORDER BY m.created_at, m.id) FROM media_files m WHERE m.recording_id = page.id
        ) AS media_files
        FROM (
            SELECT * FROM recordings
            WHERE user_id = $1 AND live = $2 AND (created_at, id) < ($3, $4) AND created_at > $5
              AND end_user_id = $8
            ORDER BY created_at DESC, id DESC LIMIT $6 OFFSET $7
        ) page
    ) found
    ORDER BY created_at DESC, id DESC
"""
PAGE_BY_STATUS: Final = """
    SELECT to_json(found) FROM (
        SELECT page.*, (
            SELECT json_agg(m ORDER BY m.created_at, m.id) FROM media_files m WHERE m.recording_id = page.id
        ) AS media_files
        FROM (
            SELECT * FROM recordings
            WHERE user_id = $1 AND live = $2 AND (created_at, id) < ($3, $4) AND created_at > $5
              AND status = $8
            ORDER BY created_at DESC, id DESC LIMIT $6 OFFSET $7
        ) page
    ) found
    ORDER BY created_at DESC, id DESC
"""
PAGE_OF_DEVICE_AND_END_USER: Final = """
    SELECT to_json(found) FROM (
        SELECT page.*, (
            SELECT json_agg(m ORDER BY m.created_at, m.id) FROM media_files m WHERE m.recording_id = page.id
        ) AS media_files
        FROM (
            SELECT * FROM recordings
            WHERE user_id = $1 AND live = $2 AND (created_at, id) < ($3, $4) AND created_at > $5
              AND device_id = $8 AND end_user_id = $9
            ORDER BY created_at DESC, id DESC LIMIT $6 OFFSET $7
        ) page
    ) found
    ORDER BY created_at DESC, id DESC
"""
PAGE_OF_DEVICE_BY_STATUS: Final = """
    SELECT to_json(found) FROM (
        SELECT page.*, (
            SELECT json_agg(m ORDER BY m.created_at, m.id) FROM media_files m WHERE m.recording_id = page.id
        ) AS media_files
        FROM (
            SELECT * FROM recordings
            WHERE user_id = $1 AND live = $2 AND (created_at, id) < ($3, $4) AND created_at > $5
              AND device_id = $8 AND status = $9
            ORDER BY created_at DESC, id DESC LIMIT $6 OFFSET $7
        ) page
    ) found
    ORDER BY created_at DESC, id DESC
"""
PAGE_OF_END_USER_BY_STATUS: Final = """
    SELECT to_json(found) FROM (
        SELECT page.*, (
            SELECT json_agg(m ORDER BY m.created_at, m.id) FROM media_files m WHERE m.recording_id = page.id
        ) AS media_files
        FROM (
            SELECT * FROM recordings
            WHERE user_id = $1 AND live = $2 AND (created_at, id) < ($3, $4) AND created_at > $5
              AND end_user_id = $8 AND status = $9
            ORDER BY created_at DESC, id DESC LIMIT $6 OFFSET $7
        ) page
    ) found
    ORDER BY created_at DESC, id DESC
"""
PAGE_OF_DEVICE_AND_END_USER_BY_STATUS: Final = """
    SELECT to_json(found) FROM (
        SELECT page.*, (
            SELECT json_agg(m ORDER BY m.created_at, m.id) FROM media_files m WHERE m.recording_id = page.id
        ) AS media_files
        FROM (
            SELECT * FROM recordings
            WHERE user_id = $1 AND live = $2 AND (created_at, id) < ($3, $4) AND created_at > $5
              AND device_id = $8 AND end_user_id = $9 AND status = $10
            ORDER BY created_at DESC, id DESC LIMIT $6 OFFSET $7
        ) page
    ) found
    ORDER BY created_at DESC, id DESC
"""

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
