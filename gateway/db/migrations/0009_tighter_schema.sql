-- Older gateways keep working: they hear every change that they remember, and write nothing that the new checks refuse.

-- A file that is uploaded has a size, an ETag and a time. One that lacks them counts as missing: its next reader asks
-- the storage, and what the storage says is recorded.
DROP TRIGGER media_file_changed ON media_files;
UPDATE media_files
SET size = coalesce(size, 0), etag = coalesce(etag, ''), object_modified_at = coalesce(object_modified_at, created_at),
    missing_at = coalesce(missing_at, now())
WHERE status = 'uploaded' AND (size IS NULL OR etag IS NULL OR object_modified_at IS NULL);
ALTER TABLE media_files ADD CONSTRAINT media_files_uploaded_check
    CHECK (status <> 'uploaded' OR (size IS NOT NULL AND etag IS NOT NULL AND object_modified_at IS NOT NULL));

-- An id that is taken is drawn again.
CREATE FUNCTION unused_id(relation text) RETURNS bigint
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
ALTER TABLE users ALTER COLUMN id SET DEFAULT unused_id('users');
ALTER TABLE api_keys ALTER COLUMN id SET DEFAULT unused_id('api_keys');
ALTER TABLE meetings ALTER COLUMN id SET DEFAULT unused_id('meetings');
ALTER TABLE recordings ALTER COLUMN id SET DEFAULT unused_id('recordings');
ALTER TABLE media_files ALTER COLUMN id SET DEFAULT unused_id('media_files');

-- Only what a reader sees is notified: a key's or an uploaded file's change, and a recording's new owner.
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
CREATE TRIGGER media_file_added AFTER INSERT ON media_files
    FOR EACH ROW WHEN (NEW.status = 'uploaded') EXECUTE FUNCTION tell_media_file_changed();
CREATE TRIGGER media_file_changed AFTER UPDATE ON media_files
    FOR EACH ROW WHEN ((OLD.status = 'uploaded' OR NEW.status = 'uploaded') AND OLD IS DISTINCT FROM NEW)
    EXECUTE FUNCTION tell_media_file_changed();
CREATE TRIGGER media_file_removed AFTER DELETE ON media_files
    FOR EACH ROW WHEN (OLD.status = 'uploaded') EXECUTE FUNCTION tell_media_file_changed();

CREATE FUNCTION tell_owner_changed() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('seekgate', format('recording %s', NEW.id));
    RETURN NULL;
END
$$;
CREATE TRIGGER recording_owner_changed AFTER UPDATE OF user_id, live ON recordings
    FOR EACH ROW WHEN (OLD.user_id <> NEW.user_id OR OLD.live <> NEW.live) EXECUTE FUNCTION tell_owner_changed();
