-- The whole schema, for an empty database. A database that exists already is changed by gateway/db/migrations, which
-- lead from version 1 to this file; both are applied by the first gateway that starts, or by `seekgate migrate`.
-- Applying this file again changes nothing.
-- Ids are random 12-digit integers (they fit a JavaScript number), sizes are 64-bit, times are UTC.
-- A column's name says its kind: `_at` is a moment, `_seconds` a finite length of time, `metadata` a JSON object.

CREATE OR REPLACE FUNCTION random_id() RETURNS bigint
LANGUAGE sql VOLATILE AS $$
    -- gen_random_uuid() is strong randomness; 12 digits without a leading zero.
    SELECT 100000000000 + (('x' || substr(replace(gen_random_uuid()::text, '-', ''), 1, 12))::bit(48)::bigint
                           % 900000000000)
$$;

-- An id that is taken is drawn again.
CREATE OR REPLACE FUNCTION unused_id(relation text) RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    candidate bigint;
    is_used   boolean;
BEGIN
    FOR attempt IN 1..100 LOOP
        candidate := random_id();
        EXECUTE format('SELECT EXISTS (SELECT FROM %I WHERE id = $1)', relation) INTO is_used USING candidate;
        EXIT WHEN NOT is_used;
    END LOOP;
    RETURN candidate;
END
$$;

-- The versions that this database has. A gateway that does not know one of them starts only where
-- `older_programs_work` is true.
CREATE TABLE IF NOT EXISTS schema_version (
    version             integer     PRIMARY KEY,
    older_programs_work boolean     NOT NULL DEFAULT false,
    applied_at          timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS users (
    id         bigint      PRIMARY KEY DEFAULT unused_id('users'),
    email      text        NOT NULL CHECK (email <> ''),
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX IF NOT EXISTS users_email ON users (lower(email));

CREATE TABLE IF NOT EXISTS api_keys (
    id           bigint      PRIMARY KEY DEFAULT unused_id('api_keys'),
    user_id      bigint      NOT NULL REFERENCES users ON DELETE CASCADE,
    live         boolean     NOT NULL,
    digest       bytea       NOT NULL UNIQUE CHECK (octet_length(digest) = 32),
    -- The visible beginning. Keys from elsewhere may share it, and of a short one nothing is shown.
    prefix       text        NOT NULL CHECK (char_length(prefix) <= 12),
    name         text,
    scopes       text[]      NOT NULL
                 CHECK (scopes <@ ARRAY['recordings:read', 'recordings:write', 'transcriptions:read']),
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz,
    revoked_at   timestamptz,
    last_used_at timestamptz
);
CREATE INDEX IF NOT EXISTS api_keys_of_user ON api_keys (user_id);
CREATE INDEX IF NOT EXISTS api_keys_prefix ON api_keys (prefix);

CREATE TABLE IF NOT EXISTS meetings (
    id                bigint      PRIMARY KEY DEFAULT unused_id('meetings'),
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
CREATE INDEX IF NOT EXISTS meetings_by_native_id ON meetings (user_id, live, native_meeting_id);

-- `start_seconds` and `end_seconds` count from `counted_from_at`: NULL is the meeting's start, -infinity is not known.
CREATE TABLE IF NOT EXISTS transcript_segments (
    meeting_id      bigint           NOT NULL REFERENCES meetings ON DELETE CASCADE,
    position        integer          NOT NULL,
    start_seconds   double precision NOT NULL CHECK (start_seconds > '-Infinity'),
    end_seconds     double precision NOT NULL CHECK (end_seconds >= start_seconds AND end_seconds < 'Infinity'),
    text            text             NOT NULL,
    speaker         text,
    language        text,
    counted_from_at timestamptz,
    segment_id      text,
    created_at      timestamptz,
    PRIMARY KEY (meeting_id, position)
);

-- A recording outlives its meeting. Its id and its media files' have a public text of 40 bits (gateway/protocol/ids.py).
-- Its metadata is text, not jsonb: a client reads the very octets that it wrote.
CREATE TABLE IF NOT EXISTS recordings (
    id               bigint      PRIMARY KEY DEFAULT unused_id('recordings') CHECK (id BETWEEN 0 AND 1099511627775),
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
    completed_at     timestamptz,
    -- What lists are ordered by, from its media files: what it plays as (video before audio before image, '' without any),
    -- and the longest duration.
    main_type        text        NOT NULL DEFAULT '' CHECK (main_type IN ('', 'audio', 'video', 'image')),
    duration_seconds double precision
);
-- One index for each list, in the list's own order: a page is read, never sorted.
-- Filters by duration are checked in the index.
CREATE INDEX IF NOT EXISTS recordings_newest
    ON recordings (user_id, live, created_at DESC, id DESC, duration_seconds);
CREATE INDEX IF NOT EXISTS recordings_of_meeting
    ON recordings (meeting_id, created_at DESC, id DESC) WHERE meeting_id IS NOT NULL;
-- For a search, which reads the newest recordings that have a meeting.
CREATE INDEX IF NOT EXISTS recordings_with_meeting
    ON recordings (user_id, live, created_at DESC, id DESC) WHERE meeting_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS recordings_of_session
    ON recordings (user_id, live, session_uid, created_at DESC, id DESC) WHERE session_uid IS NOT NULL;
CREATE INDEX IF NOT EXISTS recordings_of_device
    ON recordings (user_id, live, device_id, created_at DESC, id DESC) WHERE device_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS recordings_of_end_user
    ON recordings (user_id, live, end_user_id, created_at DESC, id DESC) WHERE end_user_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS recordings_by_status
    ON recordings (user_id, live, status DESC, created_at DESC, id DESC);
CREATE INDEX IF NOT EXISTS recordings_by_type
    ON recordings (user_id, live, main_type DESC, created_at DESC, id DESC, duration_seconds);
CREATE INDEX IF NOT EXISTS recordings_longest
    ON recordings (user_id, live, (coalesce(duration_seconds, -1)) DESC, created_at DESC, id DESC);
CREATE INDEX IF NOT EXISTS recordings_shortest
    ON recordings (user_id, live, (coalesce(duration_seconds, 'Infinity')), created_at, id);
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

-- A share link is a key for one recording: it is revoked, expires and is notified of like every other key. It has no scope.
ALTER TABLE api_keys ADD COLUMN IF NOT EXISTS recording_id bigint REFERENCES recordings ON DELETE CASCADE;
ALTER TABLE api_keys ADD COLUMN IF NOT EXISTS start_seconds double precision
    CHECK (start_seconds >= 0 AND start_seconds < 'Infinity');
ALTER TABLE api_keys ADD COLUMN IF NOT EXISTS use_count bigint NOT NULL DEFAULT 0;
CREATE INDEX IF NOT EXISTS api_keys_of_recording
    ON api_keys (recording_id, created_at DESC, id DESC) WHERE recording_id IS NOT NULL;

-- The words of a text, as they are written (for phrases and beginnings of words) and as the stems of its language (a tag like
-- `en` or `de-AT`). Each begins with its owner's mark, `@`, the user's id, `t` for test data and `/`: in the index the words
-- of one owner are next to each other, and a search for the beginning of a word reads no others. The mark alone is for a
-- search for what is not said. Calls only functions of pg_catalog, because an index expression is evaluated without the
-- schema of this table in the search path. PostgreSQL indexes words of up to 2046 octets.
CREATE OR REPLACE FUNCTION words_of(user_id bigint, live boolean, language text, text text) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 1000 AS $$
    SELECT concat_ws(' ', '''' || mark || '''', string_agg(
        '''' || mark || replace(replace(lexeme, '\', '\\'), '''', '''''') || ''':' || array_to_string(positions, ','), ' '
    ))::tsvector
    FROM (SELECT '@' || to_hex(user_id) || CASE WHEN live THEN '/' ELSE 't/' END AS mark) owner LEFT JOIN unnest(
        to_tsvector('pg_catalog.simple', left(text, 80000))
        || CASE lower(split_part(replace(coalesce(language, ''), '_', '-'), '-', 1))
               WHEN 'da' THEN to_tsvector('pg_catalog.danish', left(text, 80000))
               WHEN 'de' THEN to_tsvector('pg_catalog.german', left(text, 80000))
               WHEN 'en' THEN to_tsvector('pg_catalog.english', left(text, 80000))
               WHEN 'es' THEN to_tsvector('pg_catalog.spanish', left(text, 80000))
               WHEN 'fr' THEN to_tsvector('pg_catalog.french', left(text, 80000))
               WHEN 'it' THEN to_tsvector('pg_catalog.italian', left(text, 80000))
               WHEN 'nl' THEN to_tsvector('pg_catalog.dutch', left(text, 80000))
               WHEN 'no' THEN to_tsvector('pg_catalog.norwegian', left(text, 80000))
               WHEN 'pt' THEN to_tsvector('pg_catalog.portuguese', left(text, 80000))
               WHEN 'ru' THEN to_tsvector('pg_catalog.russian', left(text, 80000))
               WHEN 'sv' THEN to_tsvector('pg_catalog.swedish', left(text, 80000))
               ELSE ''::tsvector
           END
    ) ON octet_length(lexeme) < 2000
    GROUP BY mark
$$;

CREATE TABLE IF NOT EXISTS transcript_words (
    meeting_id bigint   NOT NULL,
    position   integer  NOT NULL,
    words      tsvector NOT NULL,
    PRIMARY KEY (meeting_id, position),
    FOREIGN KEY (meeting_id, position) REFERENCES transcript_segments ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX IF NOT EXISTS transcript_words_by_word ON transcript_words USING gin (words);
CREATE INDEX IF NOT EXISTS recordings_by_word ON recordings USING gin (words_of(user_id, live, NULL, name))
    WHERE name IS NOT NULL;

-- The search of one owner: `exact` is text for to_tsquery, `typed` for websearch_to_tsquery, whose stems are looked for in every
-- language that is indexed. Each word gets its owner's mark; a search that could match without any of its words (`-word`)
-- gets the mark alone as well. NULL, which finds nothing, where neither has a word.
CREATE OR REPLACE FUNCTION search_query(user_id bigint, live boolean, exact text, typed text) RETURNS tsquery
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN querytree(words) = 'T' THEN ('''' || mark || '''')::tsquery && marked ELSE marked END
    FROM (
        SELECT mark, words, regexp_replace(words::text, '''((?:[^'']|'''')+)''', '''' || mark || '\1''', 'g')::tsquery AS marked
        FROM (
            SELECT '@' || to_hex(user_id) || CASE WHEN live THEN '/' ELSE 't/' END AS mark,
                   string_agg(DISTINCT '(' || each::text || ')', ' | ')::tsquery AS words
            FROM unnest(ARRAY[
                to_tsquery('pg_catalog.simple', exact),
                websearch_to_tsquery('pg_catalog.danish', typed), websearch_to_tsquery('pg_catalog.german', typed),
                websearch_to_tsquery('pg_catalog.english', typed), websearch_to_tsquery('pg_catalog.spanish', typed),
                websearch_to_tsquery('pg_catalog.french', typed), websearch_to_tsquery('pg_catalog.italian', typed),
                websearch_to_tsquery('pg_catalog.dutch', typed), websearch_to_tsquery('pg_catalog.norwegian', typed),
                websearch_to_tsquery('pg_catalog.portuguese', typed), websearch_to_tsquery('pg_catalog.russian', typed),
                websearch_to_tsquery('pg_catalog.swedish', typed)]) each
            WHERE numnode(each) > 0
        ) found
    ) found
$$;

-- pg_trgm finds names in spite of typing errors. It is used where the server has it and its role may create it.
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
    CREATE INDEX IF NOT EXISTS recordings_by_spelling ON recordings USING gin (name gin_trgm_ops) WHERE name IS NOT NULL;
EXCEPTION WHEN undefined_file OR feature_not_supported OR insufficient_privilege THEN
    RAISE NOTICE 'pg_trgm is not available: the search does not tolerate typing errors in names';
END
$$;
CREATE OR REPLACE FUNCTION names_alike(owner_id bigint, of_live boolean, typed text)
RETURNS TABLE (id bigint, similarity real)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_trgm') THEN
        -- One wrong letter in a short word, or in each of two, is less alike than the default of 0.6.
        PERFORM set_config('pg_trgm.word_similarity_threshold', '0.5', true);
        RETURN QUERY EXECUTE
            'SELECT r.id, word_similarity($3, r.name) FROM recordings r
             WHERE r.name IS NOT NULL AND $3 <% r.name AND r.user_id = $1 AND r.live = $2
             ORDER BY 2 DESC LIMIT 100' USING owner_id, of_live, typed;
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION index_transcript_segment() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO transcript_words (meeting_id, position, words)
    SELECT NEW.meeting_id, NEW.position, words_of(m.user_id, m.live, NEW.language, NEW.text)
    FROM meetings m WHERE m.id = NEW.meeting_id
    ON CONFLICT (meeting_id, position) DO UPDATE SET words = EXCLUDED.words;
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER transcript_segment_written AFTER INSERT OR UPDATE ON transcript_segments
    FOR EACH ROW EXECUTE FUNCTION index_transcript_segment();

CREATE OR REPLACE FUNCTION index_meeting_of_new_owner() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE transcript_words w SET words = words_of(NEW.user_id, NEW.live, s.language, s.text)
    FROM transcript_segments s
    WHERE s.meeting_id = NEW.id AND (w.meeting_id, w.position) = (s.meeting_id, s.position);
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER meeting_changed_owner AFTER UPDATE OF user_id, live ON meetings
    FOR EACH ROW EXECUTE FUNCTION index_meeting_of_new_owner();

CREATE TABLE IF NOT EXISTS media_files (
    id                 bigint           PRIMARY KEY DEFAULT unused_id('media_files') CHECK (id BETWEEN 0 AND 1099511627775),
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
    -- Until then a presigned URL of the storage backend may still write the object.
    upload_expires_at  timestamptz,
    UNIQUE (storage, object_key),
    CONSTRAINT media_files_uploaded_check
        CHECK (status <> 'uploaded' OR (size IS NOT NULL AND etag IS NOT NULL AND object_modified_at IS NOT NULL))
);
CREATE INDEX IF NOT EXISTS media_files_of_recording ON media_files (recording_id, created_at, id);
CREATE INDEX IF NOT EXISTS media_files_pending ON media_files (created_at) WHERE status = 'pending';
CREATE INDEX IF NOT EXISTS media_files_unfinished ON media_files ((metadata->>'unfinished_session'))
    WHERE metadata ? 'unfinished_session';

-- A recording's main_type and duration_seconds follow its media files. The recording is locked first, so that two
-- transactions that change files of one recording see each other's.
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

-- What `seekgate move-from-vexa` brought over, so that what was deleted here does not come back. `identity` is a digest of
-- what Vexa never changes of it (of a key its digest), `here_id` its id here (of a key its owner's), `written` a digest of
-- what was written last, so that what was changed here is not overwritten.
CREATE TABLE IF NOT EXISTS vexa_moves (
    kind     text        NOT NULL CHECK (kind IN ('user', 'key', 'meeting', 'transcript', 'recording', 'media_file')),
    identity bytea       NOT NULL CHECK (octet_length(identity) = 32),
    here_id  bigint      NOT NULL,
    written  bytea,
    moved_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (kind, identity)
);
CREATE INDEX IF NOT EXISTS vexa_moves_here ON vexa_moves (kind, here_id);

-- Who writes a pending media file, until when, and how many bytes of it are stored: `writer` is the number of the newest
-- writer. The bytes count against the account's limit where they are more than what was promised. `is_publishing` is set
-- while the newest writer's object may appear: until its lease ends, nobody completes the file.
CREATE TABLE IF NOT EXISTS upload_writers (
    media_file_id bigint      PRIMARY KEY REFERENCES media_files ON DELETE CASCADE,
    writer        integer     NOT NULL DEFAULT 0,
    leased_until  timestamptz,
    stored_bytes  bigint      NOT NULL DEFAULT 0 CHECK (stored_bytes >= 0),
    is_publishing boolean     NOT NULL DEFAULT false
);

-- Bytes that are arriving and that no row counts yet. They count for the account until `expires_at`.
CREATE TABLE IF NOT EXISTS upload_reservations (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id    bigint      NOT NULL REFERENCES users ON DELETE CASCADE,
    bytes      bigint      NOT NULL CHECK (bytes >= 0),
    expires_at timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS upload_reservations_of_user ON upload_reservations (user_id);

-- The recording to which a meeting bot's session belongs: one, whichever of its first chunks comes first. Recordings that
-- were moved in may repeat a session_uid; the newest one has the row.
CREATE TABLE IF NOT EXISTS bot_sessions (
    user_id      bigint  NOT NULL REFERENCES users ON DELETE CASCADE,
    live         boolean NOT NULL,
    session_uid  text    NOT NULL,
    recording_id bigint  REFERENCES recordings ON DELETE CASCADE,
    PRIMARY KEY (user_id, live, session_uid)
);
CREATE INDEX IF NOT EXISTS bot_sessions_of_recording ON bot_sessions (recording_id);

-- What a meeting bot sends: one session for each file, made of chunks that are objects of their own. `type` is what the
-- bot called the file. `changed` counts what arrived, `joined` is the count that the published file has; while they
-- differ, the session is joined at `due_at`. `lease` is the number of the newest claim, good until `leased_until`.
CREATE TABLE IF NOT EXISTS upload_sessions (
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
CREATE INDEX IF NOT EXISTS upload_sessions_due ON upload_sessions (due_at) WHERE joined < changed;

-- `number` is the bot's, null for a file without one. `container` is what begins with it, null for a cut of what came
-- before. Chunks that were joined share the object that contains them. `closes`: the chunk came as a final.
CREATE TABLE IF NOT EXISTS session_chunks (
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
    closes        boolean     NOT NULL DEFAULT false,
    UNIQUE (media_file_id, number)
);
CREATE INDEX IF NOT EXISTS session_chunks_of_object ON session_chunks (storage, object_key);

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

-- The playback signing keys that the gateway made for itself.
CREATE TABLE IF NOT EXISTS signing_keys (
    kid        text        PRIMARY KEY CHECK (kid <> ''),
    secret     bytea       NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS signing_keys_newest ON signing_keys (created_at DESC, kid DESC);

-- What an account holds: amounts to add up. Triggers only insert them, so that no upload waits for another. About one
-- insert in a hundred puts the account's amounts together, except those that another transaction holds.
-- A media file counts with its size, while it is pending at least with what is stored of it. A chunk of a bot counts with
-- its own size while it is not part of the file's object. One statement must not change both: each trigger would count
-- what the other counts as well.
CREATE TABLE IF NOT EXISTS account_bytes (
    id      uuid   PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    bytes   bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS account_bytes_of_user ON account_bytes (user_id);

CREATE OR REPLACE FUNCTION add_account_bytes(owner_id bigint, amount bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF amount = 0 THEN
        RETURN;
    END IF;
    -- A user that is being deleted takes its amounts along.
    INSERT INTO account_bytes (user_id, bytes) SELECT id, amount FROM users WHERE id = owner_id;
    IF random() < 0.01 THEN
        WITH taken AS (
            DELETE FROM account_bytes
            WHERE id IN (SELECT id FROM account_bytes WHERE user_id = owner_id FOR UPDATE SKIP LOCKED)
            RETURNING bytes
        )
        INSERT INTO account_bytes (user_id, bytes)
        SELECT u.id, sum(bytes) FROM taken, users u WHERE u.id = owner_id GROUP BY u.id;
    END IF;
END
$$;
-- The recording's owner, who stays the same until this transaction ends; NULL if the recording is being deleted.
CREATE OR REPLACE FUNCTION locked_owner(of_recording bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
BEGIN
    RETURN (SELECT user_id FROM recordings WHERE id = of_recording FOR NO KEY UPDATE);
END
$$;
CREATE OR REPLACE FUNCTION media_file_bytes(file media_files) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT coalesce(greatest(file.size, CASE WHEN file.status = 'pending' THEN (
        SELECT w.stored_bytes FROM upload_writers w WHERE w.media_file_id = file.id
    ) END), 0) + coalesce(sum(c.size), 0)::bigint
    FROM session_chunks c WHERE c.media_file_id = file.id AND c.object_key <> file.object_key
$$;

CREATE OR REPLACE FUNCTION count_media_file() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    before bigint := 0;
    after  bigint := 0;
BEGIN
    IF TG_OP = 'DELETE' THEN
        -- Waits for a chunk that is being added. The chunks that go with the file are counted here.
        PERFORM FROM upload_sessions WHERE media_file_id = OLD.id FOR UPDATE;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        before := media_file_bytes(OLD);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        after := media_file_bytes(NEW);
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.recording_id = NEW.recording_id THEN
        PERFORM add_account_bytes(locked_owner(NEW.recording_id), after - before);
    ELSE
        PERFORM add_account_bytes(locked_owner(OLD.recording_id), -before);
        PERFORM add_account_bytes(locked_owner(NEW.recording_id), after);
    END IF;
    RETURN coalesce(NEW, OLD);
END
$$;
CREATE OR REPLACE TRIGGER media_file_counted AFTER INSERT OR UPDATE OF size, object_key, recording_id ON media_files
    FOR EACH ROW EXECUTE FUNCTION count_media_file();
CREATE OR REPLACE TRIGGER media_file_uncounted BEFORE DELETE ON media_files
    FOR EACH ROW EXECUTE FUNCTION count_media_file();

CREATE OR REPLACE FUNCTION count_session_chunk() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    amount bigint := 0;
    file   media_files;
BEGIN
    -- Waits for a file that is being changed: which of its chunks count depends on its object.
    SELECT * INTO file FROM media_files WHERE id = coalesce(NEW.media_file_id, OLD.media_file_id) FOR NO KEY UPDATE;
    IF NEW.object_key <> file.object_key THEN
        amount := NEW.size;
    END IF;
    IF OLD.object_key <> file.object_key THEN
        amount := amount - OLD.size;
    END IF;
    PERFORM add_account_bytes(locked_owner(file.recording_id), amount);
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER session_chunk_counted AFTER INSERT OR DELETE OR UPDATE OF size, object_key ON session_chunks
    FOR EACH ROW EXECUTE FUNCTION count_session_chunk();

CREATE OR REPLACE FUNCTION count_recording() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    amount bigint;
BEGIN
    -- Waits for a file or a chunk that is being changed.
    PERFORM FROM media_files WHERE recording_id = OLD.id ORDER BY id FOR UPDATE;
    PERFORM FROM upload_sessions WHERE recording_id = OLD.id ORDER BY media_file_id FOR UPDATE;
    SELECT coalesce(sum(media_file_bytes(m)), 0)::bigint INTO amount FROM media_files m WHERE recording_id = OLD.id;
    PERFORM add_account_bytes(OLD.user_id, -amount);
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    PERFORM add_account_bytes(NEW.user_id, amount);
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER recording_uncounted BEFORE DELETE ON recordings FOR EACH ROW EXECUTE FUNCTION count_recording();
CREATE OR REPLACE TRIGGER recording_counted_for_another BEFORE UPDATE OF user_id ON recordings
    FOR EACH ROW WHEN (OLD.user_id <> NEW.user_id) EXECUTE FUNCTION count_recording();

CREATE OR REPLACE FUNCTION count_stored_bytes() RETURNS trigger
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
CREATE OR REPLACE TRIGGER stored_bytes_counted AFTER INSERT OR UPDATE OF stored_bytes ON upload_writers
    FOR EACH ROW EXECUTE FUNCTION count_stored_bytes();

-- Gateways remember keys and media files. Each change that a reader sees sends a notification, which names what to look up
-- again (gateway/db/cached_lookups.py). A new row sends one too, because gateways also remember for two seconds what they
-- did not find. Uploads that are pending and `last_used_at` send none.
CREATE OR REPLACE FUNCTION tell_key_changed() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM pg_notify('seekgate', 'key ' || encode(OLD.digest, 'hex'));
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM pg_notify('seekgate', 'key ' || encode(NEW.digest, 'hex'));
    END IF;
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER key_changed
    AFTER INSERT OR DELETE OR UPDATE OF digest, user_id, live, scopes, expires_at, revoked_at, recording_id ON api_keys
    FOR EACH ROW EXECUTE FUNCTION tell_key_changed();

CREATE OR REPLACE FUNCTION tell_media_file_changed() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM pg_notify('seekgate', format('media %s %s', OLD.recording_id, OLD.id));
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM pg_notify('seekgate', format('media %s %s', NEW.recording_id, NEW.id));
    END IF;
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER media_file_added AFTER INSERT ON media_files
    FOR EACH ROW WHEN (NEW.status = 'uploaded') EXECUTE FUNCTION tell_media_file_changed();
CREATE OR REPLACE TRIGGER media_file_changed AFTER UPDATE ON media_files
    FOR EACH ROW WHEN ((OLD.status = 'uploaded' OR NEW.status = 'uploaded') AND OLD IS DISTINCT FROM NEW)
    EXECUTE FUNCTION tell_media_file_changed();
CREATE OR REPLACE TRIGGER media_file_removed AFTER DELETE ON media_files
    FOR EACH ROW WHEN (OLD.status = 'uploaded') EXECUTE FUNCTION tell_media_file_changed();

CREATE OR REPLACE FUNCTION tell_owner_changed() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('seekgate', format('recording %s', NEW.id));
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER recording_owner_changed AFTER UPDATE OF user_id, live ON recordings
    FOR EACH ROW WHEN (OLD.user_id <> NEW.user_id OR OLD.live <> NEW.live) EXECUTE FUNCTION tell_owner_changed();

CREATE OR REPLACE FUNCTION tell_signing_key_changed() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('seekgate', 'signing_key');
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER signing_key_changed AFTER INSERT OR UPDATE OR DELETE ON signing_keys
    FOR EACH ROW EXECUTE FUNCTION tell_signing_key_changed();

-- TRUNCATE ends every row without a trigger for each.
CREATE OR REPLACE FUNCTION tell_table_emptied() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('seekgate', 'everything');
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER keys_emptied AFTER TRUNCATE ON api_keys EXECUTE FUNCTION tell_table_emptied();
CREATE OR REPLACE TRIGGER media_files_emptied AFTER TRUNCATE ON media_files EXECUTE FUNCTION tell_table_emptied();
CREATE OR REPLACE TRIGGER signing_keys_emptied AFTER TRUNCATE ON signing_keys EXECUTE FUNCTION tell_table_emptied();
