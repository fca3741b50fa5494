-- Older gateways keep working: only a trigger changes, and they have no query that needs the index.
-- A media file that is given to another recording changes what both are listed as.
CREATE OR REPLACE FUNCTION describe_recording() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    changed bigint;
BEGIN
    FOR changed IN
        SELECT DISTINCT id FROM unnest(ARRAY[OLD.recording_id, NEW.recording_id]) AS id WHERE id IS NOT NULL ORDER BY id
    LOOP
        PERFORM FROM recordings WHERE id = changed FOR NO KEY UPDATE;
        UPDATE recordings r SET main_type = found.main_type, duration_seconds = found.duration_seconds
        FROM (
            SELECT CASE WHEN bool_or(type = 'video') THEN 'video' WHEN bool_or(type = 'audio') THEN 'audio'
                        WHEN bool_or(type = 'image') THEN 'image' ELSE '' END AS main_type,
                   max(duration_seconds) AS duration_seconds
            FROM media_files WHERE recording_id = changed
        ) found
        WHERE r.id = changed AND (r.main_type, r.duration_seconds) IS DISTINCT FROM (found.main_type, found.duration_seconds);
    END LOOP;
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER media_file_describes
    AFTER INSERT OR DELETE OR UPDATE OF type, duration_seconds, recording_id ON media_files
    FOR EACH ROW EXECUTE FUNCTION describe_recording();

-- A search reads the newest recordings that have a meeting. Without this index it read every recording of an account that has none.
CREATE INDEX recordings_with_meeting
    ON recordings (user_id, live, created_at DESC, id DESC) WHERE meeting_id IS NOT NULL;
