-- Older gateways keep working: they lock the row of a file whose object appears, and count no reservations.
-- `is_publishing` is set while the newest writer's object may appear: until its lease ends, nobody completes the file.
ALTER TABLE upload_writers ADD COLUMN is_publishing boolean NOT NULL DEFAULT false;

-- Bytes that are arriving and that no row counts yet. They count for the account until `expires_at`.
CREATE TABLE upload_reservations (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id    bigint      NOT NULL REFERENCES users ON DELETE CASCADE,
    bytes      bigint      NOT NULL CHECK (bytes >= 0),
    expires_at timestamptz NOT NULL
);
CREATE INDEX upload_reservations_of_user ON upload_reservations (user_id);
