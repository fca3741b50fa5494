-- A small Vexa 0.9: keys have no scopes, segments no names, whole objects lie flat. All data are made up.
CREATE TABLE users (id serial PRIMARY KEY, email varchar(255) NOT NULL UNIQUE, name varchar(100), image_url text,
    created_at timestamp DEFAULT now(), max_concurrent_bots integer NOT NULL DEFAULT 1, data jsonb NOT NULL DEFAULT '{}');
CREATE TABLE api_tokens (id serial PRIMARY KEY, token varchar(255) NOT NULL UNIQUE, user_id integer NOT NULL REFERENCES users,
    created_at timestamp DEFAULT now());
CREATE TABLE meetings (id serial PRIMARY KEY, user_id integer NOT NULL REFERENCES users, platform varchar(100) NOT NULL,
    platform_specific_id varchar(255), status varchar(50) NOT NULL, bot_container_id varchar(255), start_time timestamp,
    end_time timestamp, data jsonb NOT NULL DEFAULT '{}', created_at timestamp DEFAULT now(),
    updated_at timestamp DEFAULT now());
CREATE TABLE meeting_sessions (id serial PRIMARY KEY, meeting_id integer NOT NULL REFERENCES meetings,
    session_uid varchar NOT NULL, session_start_time timestamptz NOT NULL DEFAULT now(), UNIQUE (meeting_id, session_uid));
CREATE TABLE transcriptions (id serial PRIMARY KEY, meeting_id integer NOT NULL REFERENCES meetings,
    start_time double precision NOT NULL, end_time double precision NOT NULL, text text NOT NULL, speaker varchar(255),
    language varchar(10), created_at timestamp, session_uid varchar);
CREATE TABLE recordings (id serial PRIMARY KEY, meeting_id integer REFERENCES meetings, user_id integer NOT NULL REFERENCES users,
    session_uid varchar, source varchar(50) NOT NULL, status varchar(50) NOT NULL, error_message text,
    created_at timestamp DEFAULT now(), completed_at timestamp);
CREATE TABLE media_files (id serial PRIMARY KEY, recording_id integer NOT NULL REFERENCES recordings,
    type varchar(50) NOT NULL, format varchar(20) NOT NULL, storage_path varchar(1024) NOT NULL,
    storage_backend varchar(50) NOT NULL, file_size_bytes integer, duration_seconds double precision,
    metadata jsonb NOT NULL DEFAULT '{}', created_at timestamp DEFAULT now());
CREATE TABLE transcription_jobs (id serial PRIMARY KEY);
CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);

-- 3 and 5 differ by case only: 5 is left out whole.
INSERT INTO users (id, email, created_at) VALUES
    (3, 'Ann@example.org', '2025-10-01 00:00:00'), (5, 'ann@example.org', '2025-10-02'), (8, 'bo@example.org', '-infinity');
INSERT INTO api_tokens (token, user_id, created_at) VALUES
    ('Zk3Tq8WvB1nYc6Lx0dHs5GpJ2eUfR9aKiZoM4tXb', 3, NULL), ('tiny', 3, '2025-10-01'),
    ('Pq7Rz2LwXc9YbN4hPj8sGfA1uEo6iTnMxKy5V0dD', 5, '2025-10-02'), ('schlüssel', 8, '2025-10-03');

INSERT INTO meetings (id, user_id, platform, platform_specific_id, status, start_time, end_time, created_at, data) VALUES
-- 11: one whole object, and recordings whose members have odd types. Created when its first session began.
    (11, 3, 'google_meet', 'aaa-bbbb-ccc', 'completed', NULL, NULL, NULL, '{"recordings": [
        {"id": "100000000123", "session_uid": "s-one", "created_at": "2025-11-01T10:00:00.5",
         "media_files": [{"id": 200000000123, "type": "audio", "format": "wav", "storage_backend": "minio",
                          "storage_path": "recordings/3/100000000123/s-one.wav", "duration_seconds": 99}]},
        {"id": true}, {"id": -1}, {"id": 1099511627776}, {"id": 100000000124.5}, [], {"id": "12 34"}]}'),
-- 12: the recording never ended, but its meeting did; 13: it goes on.
    (12, 3, 'teams', 't-12', 'failed', '2025-11-02 10:00:00', '2025-11-02 11:00:00', '2025-11-02 09:59:00',
     '{"recordings": [{"id": 100000000200, "status": "in_progress", "source": "bot", "session_uid": "s-two",
        "created_at": "2025-11-02T10:00:00", "media_files": [{"id": 200000000200, "type": "audio", "format": "wav",
        "storage_backend": "minio", "storage_path": "recordings/3/100000000200/s-two.wav"}]}]}'),
    (13, 3, 'zoom', 'z-13', 'active', '2025-11-03 10:00:00', NULL, '2025-11-03 09:59:00',
     '{"recordings": [{"id": 100000000300, "status": "in_progress", "source": "bot", "session_uid": "s-three",
        "created_at": "2025-11-03T10:00:00", "media_files": [{"id": 200000000300, "type": "audio", "format": "wav",
        "storage_backend": "minio", "storage_path": "recordings/3/100000000300/s-three.wav"}]}]}'),
-- 14: erased, though its parts are still here; 15: without a native id.
    (14, 3, 'zoom', NULL, 'completed', NULL, NULL, '2025-11-04', '{"redacted": true, "recordings": [{"id": 100000000400,
        "media_files": [{"id": 200000000400, "type": "audio", "format": "wav", "storage_backend": "minio",
                         "storage_path": "recordings/3/100000000400/s-four.wav"}]}]}'),
    (15, 3, 'browser_session', NULL, 'completed', NULL, NULL, '2025-11-05', '{"recordings": [{"id": 100000000500,
        "media_files": []}]}'),
-- 16: of the user who is left out; 17: data is not an object; 18: recordings is not an array, and a path leaves its folder.
    (16, 5, 'zoom', 'z-16', 'completed', NULL, NULL, '2025-11-06', '{"recordings": [{"id": 100000000600}]}'),
    (17, 8, 'zoom', 'z-17', 'completed', NULL, NULL, '2025-11-07', '17'),
    (18, 8, 'zoom', 'z-18', 'completed', NULL, NULL, '2025-11-08', '{"recordings": {"id": 1}}'),
    (19, 8, 'zoom', 'z-19', 'completed', 'infinity', NULL, '2025-11-09', '{"recordings": [
        {"id": 100000000700, "media_files": [
            {"id": 200000000701, "storage_backend": "minio", "storage_path": "recordings/8/../3/100000000123/s-one.wav"},
            {"id": 200000000702, "storage_backend": "minio", "storage_path": "recordings/8//x.wav"},
            {"id": 200000000703, "storage_backend": "minio", "storage_path": "/recordings/8/100000000700/x.wav"},
            {"id": 200000000704, "storage_backend": "minio", "storage_path": null}, 17]}]}');
INSERT INTO meeting_sessions (meeting_id, session_uid, session_start_time) VALUES
    (11, 's-one', '2025-11-01 12:00:00+02'), (11, 's-later', '2025-11-01 10:30:00+00');
INSERT INTO transcriptions (meeting_id, start_time, end_time, text, session_uid) VALUES
    (11, 1, 2, 'Later.', 's-later'), (11, 3, 4, 'First.', 's-one'), (11, 5, 4, 'A chat line.', 's-one'), (11, 1, 2, '', 's-one'),
    (11, 9, 9, 'Lost.', 's-none'), (11, 2, 3, 'Of no session.', NULL), (11, 'NaN', 1, 'Never.', 's-one'),
    (14, 1, 2, 'Erased.', 's-four');
-- Of the mode with tables: a picture of the screen; one of another user's meeting; one of the erased meeting.
INSERT INTO recordings (id, meeting_id, user_id, session_uid, source, status, error_message, created_at) VALUES
    (1, 12, 3, 's-two', 'upload', 'uploading', NULL, '2025-11-02 10:00:00'),
    (2, 12, 8, NULL, 'url', 'failed', 'it broke', '2025-11-02 10:00:00'),
    (3, 14, 3, NULL, 'bot', 'completed', NULL, '2025-11-04');
INSERT INTO media_files (id, recording_id, type, format, storage_path, storage_backend) VALUES
    (1, 1, 'screenshot', 'png', 'recordings/3/1/s-two.png', 's3');
