-- Older gateways keep working: a share link has no scope, so a gateway that takes it for an API key refuses it everywhere.
-- A share link is a key for one recording: it is revoked, expires and is notified of like every other key.
ALTER TABLE api_keys ADD COLUMN recording_id bigint REFERENCES recordings ON DELETE CASCADE;
ALTER TABLE api_keys ADD COLUMN start_seconds double precision CHECK (start_seconds >= 0 AND start_seconds < 'Infinity');
ALTER TABLE api_keys ADD COLUMN use_count bigint NOT NULL DEFAULT 0;
CREATE INDEX api_keys_of_recording ON api_keys (recording_id, created_at DESC, id DESC) WHERE recording_id IS NOT NULL;
