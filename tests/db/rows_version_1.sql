-- Rows of a database of version 1: every table, every status, and values at their limits.
INSERT INTO users (id, email) VALUES (100000000001, 'ada@example.org'), (100000000002, 'Bob@example.org');
INSERT INTO api_keys (id, user_id, live, digest, prefix, scopes, revoked_at) VALUES
    (100000000011, 100000000001, true, sha256('a'), 'sk_live_aaaa', '{recordings:read,recordings:write,transcriptions:read}', NULL),
    (100000000012, 100000000002, false, sha256('b'), 'rk_test_bbbb', '{recordings:read}', now());
INSERT INTO meetings (id, user_id, live, platform, native_meeting_id, metadata) VALUES
    (100000000021, 100000000001, true, 'zoom', '123', '{"a": 1}'), (100000000022, 100000000001, true, 'zoom', '123', NULL);
INSERT INTO transcript_segments (meeting_id, position, start_seconds, end_seconds, text, speaker) VALUES
    (100000000021, 0, 0, 1.5, 'hello', 'Ada'), (100000000021, 1, 1.5, 1.5, '', NULL);
INSERT INTO recordings (id, user_id, live, meeting_id, session_uid, source, status, name, device_id, end_user_id, metadata, created_at)
VALUES
    (100000000031, 100000000001, true, 100000000021, NULL, 'upload', 'completed', 'first', 'd', 'u', '{"b":  2}', now() - interval '3 hours'),
    (100000000032, 100000000001, true, NULL, 'session', 'bot', 'failed', NULL, NULL, NULL, NULL, now() - interval '2 hours'),
    -- Version 1 let two recordings have one session; the newer one was the session's.
    (100000000033, 100000000001, true, NULL, 'session', 'bot', 'pending', NULL, NULL, NULL, NULL, now() - interval '1 hour'),
    (100000000034, 100000000001, false, NULL, 'session', 'bot', 'processing', NULL, NULL, NULL, NULL, now()),
    (100000000035, 100000000002, true, NULL, NULL, 'url', 'uploaded', NULL, NULL, NULL, NULL, now());
INSERT INTO media_files (id, recording_id, type, format, content_type, storage, object_key, status, size, etag, object_modified_at, missing_at, metadata)
VALUES
    (100000000041, 100000000031, 'audio', 'mp3', 'audio/mpeg', 'local', 'a.mp3', 'uploaded', 10, 'e', now(), NULL, '{"c": 3}'),
    (100000000042, 100000000032, 'audio', 'webm', 'audio/webm', 'local', 'b.webm', 'uploaded', 0, 'e', now(), now(), NULL),
    -- Version 1 let a file be uploaded of which nothing is known. It cannot be served.
    (100000000043, 100000000035, 'video', 'mp4', 'video/mp4', 'archive', 'c.mp4', 'uploaded', NULL, NULL, NULL, NULL, NULL),
    (100000000044, 100000000033, 'audio', 'bin', 'application/octet-stream', 'local', 'uploads/1', 'pending', NULL, NULL, NULL, NULL, '{"chunks": 1, "bytes": 5}'),
    (100000000045, 100000000035, 'image', 'bin', 'application/octet-stream', 'archive', 'uploads/2', 'pending', 1099511627777, NULL, NULL, NULL, NULL);
INSERT INTO idempotency_keys (user_id, live, key, digest, answer) VALUES (100000000001, true, 'once', sha256('q'), '{}');
INSERT INTO object_deletions (storage, object_key) VALUES ('local', 'gone.mp3');
INSERT INTO signing_keys (kid, secret) VALUES ('own-1', 'secret');
