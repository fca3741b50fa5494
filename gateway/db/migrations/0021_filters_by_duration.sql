-- Older gateways keep working: the indexes have the same columns in the same order, and one more at their end.
-- A filter by duration is then checked in the index: a list in which few recordings match read the row of each that does not.
-- Recordings can be read while the new indexes are built: only DROP and ALTER INDEX, which take no time, lock out readers.
CREATE INDEX recordings_newest_with_duration
    ON recordings (user_id, live, created_at DESC, id DESC, duration_seconds);
CREATE INDEX recordings_by_type_with_duration
    ON recordings (user_id, live, main_type DESC, created_at DESC, id DESC, duration_seconds);
DROP INDEX recordings_newest, recordings_by_type;
ALTER INDEX recordings_newest_with_duration RENAME TO recordings_newest;
ALTER INDEX recordings_by_type_with_duration RENAME TO recordings_by_type;
