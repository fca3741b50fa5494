-- Older gateways keep working: they ignore the new notification, as they ignored the change before.
-- A share link that is moved to another recording.
CREATE OR REPLACE TRIGGER key_changed
    AFTER INSERT OR DELETE OR UPDATE OF digest, user_id, live, scopes, expires_at, revoked_at, recording_id ON api_keys
    FOR EACH ROW EXECUTE FUNCTION tell_key_changed();

-- TRUNCATE ends every row without a trigger for each.
CREATE FUNCTION tell_table_emptied() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('seekgate', 'everything');
    RETURN NULL;
END
$$;
CREATE TRIGGER keys_emptied AFTER TRUNCATE ON api_keys EXECUTE FUNCTION tell_table_emptied();
CREATE TRIGGER media_files_emptied AFTER TRUNCATE ON media_files EXECUTE FUNCTION tell_table_emptied();
CREATE TRIGGER signing_keys_emptied AFTER TRUNCATE ON signing_keys EXECUTE FUNCTION tell_table_emptied();
