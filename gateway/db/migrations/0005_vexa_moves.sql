-- Older gateways keep working: columns and a table are added, and checks are only relaxed.
-- Keys that come from elsewhere may begin alike, and a short one must not be shown at all.
ALTER TABLE api_keys DROP CONSTRAINT api_keys_prefix_key;
ALTER TABLE api_keys DROP CONSTRAINT api_keys_prefix_check;
ALTER TABLE api_keys ADD CONSTRAINT api_keys_prefix_check CHECK (char_length(prefix) <= 12);
ALTER TABLE api_keys ADD COLUMN name text;
CREATE INDEX api_keys_prefix ON api_keys (prefix);

ALTER TABLE transcript_segments DROP CONSTRAINT transcript_segments_start_seconds_check;
ALTER TABLE transcript_segments ADD CONSTRAINT transcript_segments_start_seconds_check
    CHECK (start_seconds > '-Infinity');
ALTER TABLE transcript_segments ADD COLUMN counted_from_at timestamptz;
ALTER TABLE transcript_segments ADD COLUMN segment_id text;
ALTER TABLE transcript_segments ADD COLUMN created_at timestamptz;

CREATE TABLE vexa_moves (
    kind     text        NOT NULL CHECK (kind IN ('user', 'key', 'meeting', 'transcript', 'recording', 'media_file')),
    identity bytea       NOT NULL CHECK (octet_length(identity) = 32),
    here_id  bigint      NOT NULL,
    written  bytea,
    moved_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (kind, identity)
);
CREATE INDEX vexa_moves_here ON vexa_moves (kind, here_id);
