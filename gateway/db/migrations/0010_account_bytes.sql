-- Older gateways keep working: triggers count what they write, and they go on adding sums up by themselves.
CREATE TABLE account_bytes (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    bytes   bigint NOT NULL
);
CREATE INDEX account_bytes_of_user ON account_bytes (user_id);

CREATE FUNCTION add_account_bytes(owner_id bigint, amount bigint) RETURNS void
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
CREATE FUNCTION locked_owner(of_recording bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
BEGIN
    RETURN (SELECT user_id FROM recordings WHERE id = of_recording FOR NO KEY UPDATE);
END
$$;
CREATE FUNCTION media_file_bytes(file media_files) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT coalesce(file.size, 0) + coalesce(sum(c.size), 0)::bigint
    FROM session_chunks c WHERE c.media_file_id = file.id AND c.object_key <> file.object_key
$$;

CREATE FUNCTION count_media_file() RETURNS trigger
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
CREATE TRIGGER media_file_counted AFTER INSERT OR UPDATE OF size, object_key, recording_id ON media_files
    FOR EACH ROW EXECUTE FUNCTION count_media_file();
CREATE TRIGGER media_file_uncounted BEFORE DELETE ON media_files
    FOR EACH ROW EXECUTE FUNCTION count_media_file();

CREATE FUNCTION count_session_chunk() RETURNS trigger
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
CREATE TRIGGER session_chunk_counted AFTER INSERT OR DELETE OR UPDATE OF size, object_key ON session_chunks
    FOR EACH ROW EXECUTE FUNCTION count_session_chunk();

CREATE FUNCTION count_recording() RETURNS trigger
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
CREATE TRIGGER recording_uncounted BEFORE DELETE ON recordings FOR EACH ROW EXECUTE FUNCTION count_recording();
CREATE TRIGGER recording_counted_for_another BEFORE UPDATE OF user_id ON recordings
    FOR EACH ROW WHEN (OLD.user_id <> NEW.user_id) EXECUTE FUNCTION count_recording();

INSERT INTO account_bytes (user_id, bytes)
SELECT r.user_id, sum(media_file_bytes(m)) FROM media_files m JOIN recordings r ON r.id = m.recording_id GROUP BY r.user_id;
