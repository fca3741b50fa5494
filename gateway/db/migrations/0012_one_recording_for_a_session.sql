-- Older gateways keep working: they find a session's recording by its session_uid, which it still has.
CREATE TABLE bot_sessions (
    user_id      bigint  NOT NULL REFERENCES users ON DELETE CASCADE,
    live         boolean NOT NULL,
    session_uid  text    NOT NULL,
    recording_id bigint  REFERENCES recordings ON DELETE CASCADE,
    PRIMARY KEY (user_id, live, session_uid)
);
CREATE INDEX bot_sessions_of_recording ON bot_sessions (recording_id);
INSERT INTO bot_sessions (user_id, live, session_uid, recording_id)
SELECT DISTINCT ON (user_id, live, session_uid) user_id, live, session_uid, id
FROM recordings WHERE session_uid IS NOT NULL AND source = 'bot'
ORDER BY user_id, live, session_uid, created_at DESC, id DESC;
