-- Older gateways keep working: they go on receiving bots' chunks in their own way, and do not know these tables.
-- What a meeting bot sends: one session for each file, made of chunks that are objects of their own. `type` is what the
-- bot called the file. `changed` counts what arrived, `joined` is the count that the published file has; while they
-- differ, the session is joined at `due_at`. `lease` is the number of the newest claim, good until `leased_until`.
CREATE TABLE upload_sessions (
    media_file_id bigint      PRIMARY KEY REFERENCES media_files ON DELETE CASCADE,
    recording_id  bigint      NOT NULL REFERENCES recordings ON DELETE CASCADE,
    type          text        NOT NULL CHECK (type IN ('audio', 'video')),
    chunk_count   integer     CHECK (chunk_count >= 0),
    is_closed     boolean     NOT NULL DEFAULT false,
    changed       integer     NOT NULL DEFAULT 0,
    joined        integer     NOT NULL DEFAULT 0,
    fault         text,
    due_at        timestamptz NOT NULL DEFAULT now(),
    lease         integer     NOT NULL DEFAULT 0,
    leased_until  timestamptz,
    UNIQUE (recording_id, type)
);
CREATE INDEX upload_sessions_due ON upload_sessions (due_at) WHERE joined < changed;

-- `number` is the bot's, null for a file without one. `container` is what begins with it, null for a cut of what came
-- before. Chunks that were joined share the object that contains them.
CREATE TABLE session_chunks (
    id            bigint      PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    media_file_id bigint      NOT NULL REFERENCES upload_sessions ON DELETE CASCADE,
    number        integer     CHECK (number >= 0),
    size          bigint      NOT NULL CHECK (size > 0),
    digest        bytea       NOT NULL CHECK (octet_length(digest) = 32),
    container     text,
    storage       text        NOT NULL,
    object_key    text        NOT NULL,
    object_size   bigint      NOT NULL,
    received_at   timestamptz NOT NULL DEFAULT now(),
    UNIQUE (media_file_id, number)
);
CREATE INDEX session_chunks_of_object ON session_chunks (storage, object_key);

CREATE OR REPLACE FUNCTION queue_chunk_deletion() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO object_deletions (storage, object_key) VALUES (OLD.storage, OLD.object_key)
    ON CONFLICT (storage, object_key) DO UPDATE
        SET attempts = 0, due_at = EXCLUDED.due_at, leased_until = NULL, last_error = NULL;
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER session_chunk_deleted AFTER DELETE ON session_chunks
    FOR EACH ROW EXECUTE FUNCTION queue_chunk_deletion();

-- Sessions that an older gateway began: their files' chunks count as one, which was joined.
INSERT INTO upload_sessions (media_file_id, recording_id, type, is_closed)
    SELECT DISTINCT ON (m.recording_id, m.type) m.id, m.recording_id, m.type, m.status = 'uploaded'
    FROM media_files m JOIN recordings r ON r.id = m.recording_id
    WHERE r.session_uid IS NOT NULL AND r.source = 'bot' AND m.type IN ('audio', 'video')
    ORDER BY m.recording_id, m.type, m.created_at DESC, m.id DESC;
INSERT INTO session_chunks (media_file_id, number, size, digest, container, storage, object_key, object_size)
    SELECT m.id, 0, m.size, sha256(convert_to(m.etag, 'UTF8')), m.format, m.storage, m.object_key, m.size
    FROM upload_sessions s JOIN media_files m ON m.id = s.media_file_id
    WHERE m.status = 'uploaded' AND m.size > 0 AND m.etag IS NOT NULL;
