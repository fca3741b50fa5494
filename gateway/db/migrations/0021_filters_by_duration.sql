-- Older gateways keep working: they have two more indexes, which no query needs.
-- A filter by duration is checked in the index: a list in which few recordings match read the row of each that does not.
-- Recordings can be read while the indexes are built. Migration 0023 puts them in the place of those without the duration.
CREATE INDEX recordings_newest_with_duration
    ON recordings (user_id, live, created_at DESC, id DESC, duration_seconds);
CREATE INDEX recordings_by_type_with_duration
    ON recordings (user_id, live, main_type DESC, created_at DESC, id DESC, duration_seconds);
