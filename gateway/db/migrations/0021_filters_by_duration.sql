-- Older gateways keep working: the indexes have the same columns in the same order, and one more at their end.
-- A filter by duration is then checked in the index: a list in which few recordings match read the row of each that does not.
DROP INDEX recordings_newest;
CREATE INDEX recordings_newest
    ON recordings (user_id, live, created_at DESC, id DESC, duration_seconds);
DROP INDEX recordings_by_type;
CREATE INDEX recordings_by_type
    ON recordings (user_id, live, main_type DESC, created_at DESC, id DESC, duration_seconds);
