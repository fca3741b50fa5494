-- The whole database. Idempotent: applying it again changes nothing.
-- `schema_version` says which version of this file the database has; later versions migrate from it.
-- Ids are random 12-digit integers (they fit a JavaScript number), sizes are 64-bit, times are UTC.
-- The name of a column gives its type: `_at` is a timestamp, `_seconds` a finite duration, `metadata` a JSON object.

CREATE OR REPLACE FUNCTION random_id() RETURNS bigint
LANGUAGE sql VOLATILE AS $$
    -- gen_random_uuid() is strong randomness; 12 digits without a leading zero.
    SELECT 100000000000 + (('x' || substr(replace(gen_random_uuid()::text, '-', ''), 1, 12))::bit(48)::bigint
                           % 900000000000)
$$;

CREATE TABLE IF NOT EXISTS schema_version (
    only_row   boolean     PRIMARY KEY DEFAULT true CHECK (only_row),
    version    integer     NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO schema_version (version) VALUES (1) ON CONFLICT DO NOTHING;

CREATE TABLE IF NOT EXISTS users (
    id         bigint      PRIMARY KEY DEFAULT random_id(),
    email      text        NOT NULL CHECK (email <> ''),
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX IF NOT EXISTS users_email ON users (lower(email));

CREATE TABLE IF NOT EXISTS api_keys (
    id           bigint      PRIMARY KEY DEFAULT random_id(),
    user_id      bigint      NOT NULL REFERENCES users ON DELETE CASCADE,
    live         boolean     NOT NULL,
    digest       bytea       NOT NULL UNIQUE CHECK (octet_length(digest) = 32),
    prefix       text        NOT NULL UNIQUE CHECK (char_length(prefix) = 12),
    scopes       text[]      NOT NULL
                 CHECK (scopes <@ ARRAY['recordings:read', 'recordings:write', 'transcriptions:read']),
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz,
    revoked_at   timestamptz,
    last_used_at timestamptz
);
CREATE INDEX IF NOT EXISTS api_keys_of_user ON api_keys (user_id);

CREATE TABLE IF NOT EXISTS meetings (
    id                bigint      PRIMARY KEY DEFAULT random_id(),
    user_id           bigint      NOT NULL REFERENCES users ON DELETE CASCADE,
    live              boolean     NOT NULL,
    platform          text        NOT NULL,
    native_meeting_id text        NOT NULL,
    status            text        NOT NULL DEFAULT 'completed',
    started_at        timestamptz,
    ended_at          timestamptz,
    created_at        timestamptz NOT NULL DEFAULT now() CHECK (isfinite(created_at)),
    metadata          jsonb       CHECK (jsonb_typeof(metadata) = 'object')
);
-- The same native id may meet again: the newest meeting of a key is the one that is asked for.
CREATE INDEX IF NOT EXISTS meetings_newest
    ON meetings (user_id, live, platform, native_meeting_id, created_at DESC, id DESC);

CREATE TABLE IF NOT EXISTS transcript_segments (
    meeting_id    bigint           NOT NULL REFERENCES meetings ON DELETE CASCADE,
    position      integer          NOT NULL,
    start_seconds double precision NOT NULL CHECK (start_seconds >= 0),
    end_seconds   double precision NOT NULL CHECK (end_seconds >= start_seconds AND end_seconds < 'Infinity'),
    text          text             NOT NULL,
    speaker       text,
    language      text,
    PRIMARY KEY (meeting_id, position)
);

-- A recording outlives its meeting. Its id and its media files' have a public text of 40 bits (gateway/protocol/ids.py).
-- Its metadata is text, not jsonb: a client reads the very octets that it wrote.
CREATE TABLE IF NOT EXISTS recordings (
    id               bigint      PRIMARY KEY DEFAULT random_id() CHECK (id BETWEEN 0 AND 1099511627775),
    user_id          bigint      NOT NULL REFERENCES users ON DELETE CASCADE,
    live             boolean     NOT NULL,
    meeting_id       bigint      REFERENCES meetings ON DELETE SET NULL,
    session_uid      text,
    source           text        NOT NULL CHECK (source IN ('bot', 'upload', 'url')),
    status           text        NOT NULL
                     CHECK (status IN ('pending', 'uploaded', 'processing', 'completed', 'failed')),
    error_message    text,
    name             text,
    device_id        text,
    end_user_id      text,
    transcription_id text,
    metadata         text        CHECK (json_typeof(metadata::json) = 'object'),
    started_at       timestamptz,
    ended_at         timestamptz,
    created_at       timestamptz NOT NULL DEFAULT now() CHECK (isfinite(created_at)),
    completed_at     timestamptz
);
-- One index for each list, in the list's own order: a page is read, never sorted.
CREATE INDEX IF NOT EXISTS recordings_newest
    ON recordings (user_id, live, created_at DESC, id DESC);
CREATE INDEX IF NOT EXISTS recordings_of_meeting
    ON recordings (meeting_id, created_at DESC, id DESC) WHERE meeting_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS recordings_of_session
    ON recordings (user_id, live, session_uid, created_at DESC, id DESC) WHERE session_uid IS NOT NULL;
CREATE INDEX IF NOT EXISTS recordings_of_device
    ON recordings (user_id, live, device_id, created_at DESC, id DESC) WHERE device_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS recordings_of_end_user
    ON recordings (user_id, live, end_user_id, created_at DESC, id DESC) WHERE end_user_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS recordings_by_status
    ON recordings (user_id, live, status, created_at DESC, id DESC);
CREATE INDEX IF NOT EXISTS recordings_of_device_and_end_user
    ON recordings (user_id, live, device_id, end_user_id, created_at DESC, id DESC)
    WHERE device_id IS NOT NULL AND end_user_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS recordings_of_device_by_status
    ON recordings (user_id, live, device_id, status, created_at DESC, id DESC) WHERE device_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS recordings_of_end_user_by_status
    ON recordings (user_id, live, end_user_id, status, created_at DESC, id DESC) WHERE end_user_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS recordings_of_device_and_end_user_by_status
    ON recordings (user_id, live, device_id, end_user_id, status, created_at DESC, id DESC)
    WHERE device_id IS NOT NULL AND end_user_id IS NOT NULL;

CREATE TABLE IF NOT EXISTS media_files (
    id                 bigint           PRIMARY KEY DEFAULT random_id() CHECK (id BETWEEN 0 AND 1099511627775),
    recording_id       bigint           NOT NULL REFERENCES recordings ON DELETE CASCADE,
    type               text             NOT NULL CHECK (type IN ('audio', 'video', 'image')),
    format             text             NOT NULL,
    content_type       text             NOT NULL,
    storage            text             NOT NULL,
    object_key         text             NOT NULL,
    status             text             NOT NULL CHECK (status IN ('pending', 'uploaded')),
    size               bigint           CHECK (size >= 0),
    etag               text,
    object_modified_at timestamptz,
    missing_at         timestamptz,
    duration_seconds   double precision CHECK (duration_seconds >= 0 AND duration_seconds < 'Infinity'),
    metadata           jsonb            CHECK (jsonb_typeof(metadata) = 'object'),
    captured_at        timestamptz,
    created_at         timestamptz      NOT NULL DEFAULT now() CHECK (isfinite(created_at)),
    -- Until then a URL of the storage's own may still write the object.
    upload_expires_at  timestamptz,
    UNIQUE (storage, object_key)
);
CREATE INDEX IF NOT EXISTS media_files_of_recording ON media_files (recording_id, created_at, id);
CREATE INDEX IF NOT EXISTS media_files_pending ON media_files (created_at) WHERE status = 'pending';

-- What was answered to a request that its client may repeat (Idempotency-Key), as JSON text: the recording as it was
-- then, or the id of the media file.
CREATE TABLE IF NOT EXISTS idempotency_keys (
    user_id    bigint      NOT NULL REFERENCES users ON DELETE CASCADE,
    live       boolean     NOT NULL,
    key        text        NOT NULL,
    digest     bytea       NOT NULL CHECK (octet_length(digest) = 32),
    answer     text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, live, key)
);
CREATE INDEX IF NOT EXISTS idempotency_keys_oldest ON idempotency_keys (created_at);

-- Objects that no row refers to any more. `leased_until` is set while a worker may be removing the object.
CREATE TABLE IF NOT EXISTS object_deletions (
    id           bigint      PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    storage      text        NOT NULL,
    object_key   text        NOT NULL,
    attempts     integer     NOT NULL DEFAULT 0,
    due_at       timestamptz NOT NULL DEFAULT now(),
    leased_until timestamptz,
    last_error   text,
    created_at   timestamptz NOT NULL DEFAULT now(),
    UNIQUE (storage, object_key)
);
CREATE INDEX IF NOT EXISTS object_deletions_due ON object_deletions (due_at, id);

-- However a media file's row goes (its recording, its user, by hand), its object is queued in the same transaction.
-- While it can still be written by a URL that was handed out, its deletion is not due: it would come back.
CREATE OR REPLACE FUNCTION queue_object_deletion() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO object_deletions (storage, object_key, due_at)
    VALUES (OLD.storage, OLD.object_key, greatest(now(), OLD.upload_expires_at))
    ON CONFLICT (storage, object_key) DO UPDATE
        SET attempts = 0, due_at = EXCLUDED.due_at, leased_until = NULL, last_error = NULL;
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER media_file_deleted AFTER DELETE ON media_files
    FOR EACH ROW EXECUTE FUNCTION queue_object_deletion();

-- The playback signing keys that the gateway made for itself.
CREATE TABLE IF NOT EXISTS signing_keys (
    kid        text        PRIMARY KEY CHECK (kid <> ''),
    secret     bytea       NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS signing_keys_newest ON signing_keys (created_at DESC, kid DESC);

-- Gateways cache keys and media files; a notification of each change names the entry to remove (gateway/db/cached.py).
-- A new row is notified too, because its absence may be cached. A change of `last_used_at` is not notified.
CREATE OR REPLACE FUNCTION tell_key_changed() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('seekgate', 'key ' || encode(coalesce(OLD.digest, NEW.digest), 'hex'));
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER key_changed
    AFTER INSERT OR DELETE OR UPDATE OF digest, user_id, live, scopes, expires_at, revoked_at ON api_keys
    FOR EACH ROW EXECUTE FUNCTION tell_key_changed();

CREATE OR REPLACE FUNCTION tell_media_file_changed() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('seekgate', format('media %s %s', coalesce(OLD.recording_id, NEW.recording_id),
                                         coalesce(OLD.id, NEW.id)));
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER media_file_changed
    AFTER INSERT OR DELETE OR UPDATE ON media_files
    FOR EACH ROW EXECUTE FUNCTION tell_media_file_changed();
