-- A small Vexa 0.12: segments count from the meeting's start, a master is made on the first read. All data are made up.
CREATE TABLE users (id serial PRIMARY KEY, email varchar(255) NOT NULL UNIQUE, name varchar(100), image_url text,
    created_at timestamp DEFAULT now(), max_concurrent_bots integer NOT NULL DEFAULT 3, data jsonb NOT NULL DEFAULT '{}');
CREATE TABLE api_tokens (id serial PRIMARY KEY, token varchar(255) NOT NULL UNIQUE, user_id integer NOT NULL REFERENCES users,
    scopes text[] NOT NULL DEFAULT '{}', name varchar(255), created_at timestamp DEFAULT now(), last_used_at timestamp,
    expires_at timestamp);
CREATE TABLE meetings (id serial PRIMARY KEY, user_id integer NOT NULL, platform varchar(100) NOT NULL,
    platform_specific_id varchar(255), status varchar(50) NOT NULL, bot_container_id varchar(255), start_time timestamp,
    end_time timestamp, data jsonb NOT NULL DEFAULT '{}', created_at timestamp DEFAULT now(),
    updated_at timestamp DEFAULT now());
CREATE TABLE meeting_sessions (id serial PRIMARY KEY, meeting_id integer NOT NULL REFERENCES meetings,
    session_uid varchar NOT NULL, session_start_time timestamptz NOT NULL DEFAULT now(), UNIQUE (meeting_id, session_uid));
CREATE TABLE transcriptions (id serial PRIMARY KEY, meeting_id integer NOT NULL REFERENCES meetings,
    start_time double precision NOT NULL, end_time double precision NOT NULL, text text NOT NULL, speaker varchar(255),
    language varchar(10), created_at timestamp, session_uid varchar, segment_id varchar);
CREATE TABLE platform_settings (key varchar PRIMARY KEY, value jsonb NOT NULL);

INSERT INTO users (id, email) VALUES (21, 'cy@example.org'), (22, 'di@example.org');
INSERT INTO api_tokens (token, user_id, scopes, name, expires_at) VALUES
    ('vxa_browser_0123456789abcdef0123456789abcdef', 21, '{browser}', 'extension', NULL),
    ('vxa_bot_0123456789abcdef0123456789abcdef', 21, '{}', NULL, 'infinity'),
    ('vxa_user_0123456789abcdef0123456789abcdef', 22, '{user,admin}', NULL, NULL),
    ('vxa_tx_fedcba9876543210fedcba9876543210', 22, '{tx}', 'reader', NULL);

INSERT INTO meetings (id, user_id, platform, platform_specific_id, status, start_time, end_time, created_at, data) VALUES
-- 31: a master without a duration, chunks whose master nobody asked for, a lone chunk with its empty closing chunk, a lone
-- chunk of three, and one whose deletion was asked for.
    (31, 21, 'jitsi', 'room', 'completed', '2026-08-01 10:00:00', '2026-08-01 10:30:00', '2026-08-01 09:59:00', '{
        "title": "Planning", "participants": ["Cy", {"name": "secret-guest"}], "languages": "en", "share_grants": ["made-up-grant"],
        "transcript_viewers": [22], "workspace_id": "made-up-workspace", "api_key": "made-up-key",
        "recordings": [
        {"id": 300000000001, "status": "completed", "source": "bot", "session_uid": "u-1", "created_at": "2026-08-01T10:00:00Z",
         "completed_at": "2026-08-01T12:00:00+02:00",
         "media_files": [{"id": 400000000001, "type": "video", "format": "webm", "storage_backend": "s3", "chunk_count": 3,
            "assembled_chunk_count": 3, "storage_path": "recordings/21/300000000001/u-1/audio/000002.webm"}]},
        {"id": 300000000002, "status": "completed", "session_uid": "u-2", "created_at": "2026-08-01T10:05:00Z",
         "playback_url": {"audio": "/recordings/300000000002/master?type=audio", "video": null},
         "media_files": [{"id": 400000000002, "type": "audio", "format": "webm", "storage_backend": "s3", "chunk_count": 2,
            "storage_path": "recordings/21/300000000002/u-2/audio/000001.webm"}]},
        {"id": 300000000003, "status": "completed", "session_uid": "u-3", "created_at": "2026-08-01T10:06:00Z",
         "media_files": [{"id": 400000000003, "type": "audio", "format": "wav", "storage_backend": "s3", "chunk_count": 2,
            "storage_path": "recordings/21/300000000003/u-3/audio/000001.wav"}]},
        {"id": 300000000004, "status": "completed", "session_uid": "u-4", "created_at": "2026-08-01T10:07:00Z",
         "media_files": [{"id": 400000000004, "type": "audio", "format": "wav", "storage_backend": "s3", "chunk_count": 3,
            "storage_path": "recordings/21/300000000004/u-4/audio/000000.wav"}]},
        {"id": 300000000005, "status": "completed", "deletion_pending": true, "session_uid": "u-5",
         "media_files": [{"id": 400000000005, "type": "audio", "format": "wav", "storage_backend": "s3",
            "storage_path": "recordings/21/300000000005/u-5/audio/master.wav"}]},
        {"id": 300000000006, "status": "completed", "session_uid": "u-6", "created_at": "2026-08-01T10:08:00Z",
         "media_files": [{"id": 400000000006, "type": "audio", "format": "wav", "storage_backend": "s3",
            "storage_path": "recordings/21/300000000003/u-3/audio/000000.wav"}]}]}'),
-- 32: it goes on; its master is a part of it. 33: it has no start.
    (32, 21, 'google_meet', 'room-32', 'active', '2026-08-02 10:00:00', NULL, '2026-08-02 09:00:00', '{"recordings": [
        {"id": 300000000010, "status": "in_progress", "session_uid": "u-10", "created_at": "2026-08-02T10:00:00Z",
         "media_files": [{"id": 400000000010, "type": "audio", "format": "wav", "storage_backend": "s3", "chunk_count": 1,
            "storage_path": "recordings/21/300000000010/u-10/audio/000000.wav"}]}]}'),
    (33, 21, 'zoom', 'room-33', 'needs_help', NULL, NULL, '2026-08-03 10:00:00', '{}'),
-- 34 and 35: erased, or about to be. 36: of the other user, with an id that the first one has; he may read 31.
    (34, 21, 'zoom', 'room-34', 'completed', NULL, NULL, '2026-08-04', '{"artifact_deletion": {"state": "pending"},
        "recordings": [{"id": 300000000020}]}'),
    (35, 21, 'zoom', 'room-35', 'completed', NULL, NULL, '2026-08-04', '{"artifact_deletion": {}}'),
    (36, 22, 'jitsi', 'room', 'completed', '2026-08-05 10:00:00', NULL, '2026-08-05', '{"recordings": [
        {"id": 300000000001, "status": "completed", "session_uid": "u-1"},
        {"id": 300000000030, "status": "failed", "error_message": "lost", "session_uid": "u-30", "media_files": []}]}'),
    (37, 99, 'jitsi', 'orphan', 'completed', NULL, NULL, '2026-08-05', '{}');
-- Set at spawn, minutes before the meeting: not for segments of 0.12.
INSERT INTO meeting_sessions (meeting_id, session_uid, session_start_time) VALUES
    (31, 'u-1', '2026-08-01 09:50:00+00'), (31, 'old', '2026-08-01 10:10:00+00');
INSERT INTO transcriptions (meeting_id, start_time, end_time, text, session_uid, segment_id) VALUES
    (31, 12.5, 14, 'From the start.', NULL, 'a:1'), (31, 1785578460.25, 1785578462, 'By the clock.', NULL, 'a:2'),
    (31, 1785578399, 1785578401.5, 'Before the start.', NULL, 'a:3'), (31, 5, 6, 'Of an old session.', 'old', 'a:4'),
    (31, 5, 6, 'Of a lost session.', 'none', 'a:5'), (31, 12.5, 14, 'From the start.', NULL, 'a:6'),
    (31, 12.5, 14, 'From the start.', NULL, NULL), (31, 12.5, 14, 'From the start.', NULL, NULL),
    (33, 2, 3, 'No start.', NULL, 'b:1'), (34, 1, 2, 'Erased.', NULL, 'c:1');
