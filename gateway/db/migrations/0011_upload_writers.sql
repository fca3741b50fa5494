-- Older gateways keep working: they do not know that an upload has one writer, and count promises only.
-- Who writes a pending media file, until when, and how many bytes of it are stored: `writer` is the number of the newest
-- writer. The bytes count against the account's limit where they are more than what was promised.
CREATE TABLE upload_writers (
    media_file_id bigint      PRIMARY KEY REFERENCES media_files ON DELETE CASCADE,
    writer        integer     NOT NULL DEFAULT 0,
    leased_until  timestamptz,
    stored_bytes  bigint      NOT NULL DEFAULT 0 CHECK (stored_bytes >= 0)
);

CREATE OR REPLACE FUNCTION media_file_bytes(file media_files) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT coalesce(greatest(file.size, CASE WHEN file.status = 'pending' THEN (
        SELECT w.stored_bytes FROM upload_writers w WHERE w.media_file_id = file.id
    ) END), 0) + coalesce(sum(c.size), 0)::bigint
    FROM session_chunks c WHERE c.media_file_id = file.id AND c.object_key <> file.object_key
$$;
CREATE FUNCTION count_stored_bytes() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM add_account_bytes(
        r.user_id, greatest(m.size, NEW.stored_bytes) - greatest(m.size, coalesce(OLD.stored_bytes, 0))
    )
    FROM media_files m JOIN recordings r ON r.id = m.recording_id
    WHERE m.id = NEW.media_file_id AND m.status = 'pending';
    RETURN NULL;
END
$$;
CREATE TRIGGER stored_bytes_counted AFTER INSERT OR UPDATE OF stored_bytes ON upload_writers
    FOR EACH ROW EXECUTE FUNCTION count_stored_bytes();
