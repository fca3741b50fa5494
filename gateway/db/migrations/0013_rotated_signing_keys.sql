-- Older gateways keep working: they ignore the notification, and read a rotated key when they start.
CREATE FUNCTION tell_signing_key_changed() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('seekgate', 'signing_key');
    RETURN NULL;
END
$$;
CREATE TRIGGER signing_key_changed AFTER INSERT OR UPDATE OR DELETE ON signing_keys
    FOR EACH ROW EXECUTE FUNCTION tell_signing_key_changed();
