-- Older gateways keep working: the new column has a default, and their own sessions are adopted when this runs.
-- `closes`: the chunk came as a final.
ALTER TABLE session_chunks ADD COLUMN closes boolean NOT NULL DEFAULT false;

-- Sessions in progress whose chunks a gateway before 0004 appended to one partial object, and counted in the metadata of
-- the pending file. They become chunks that share this object, with a digest of zeros because theirs is not known; a
-- gateway publishes the object when it joins the session.
INSERT INTO session_chunks (media_file_id, number, size, digest, storage, object_key, object_size)
    SELECT m.id, number, CASE number WHEN 0 THEN kept.bytes - kept.chunks + 1 ELSE 1 END, decode(repeat('00', 32), 'hex'),
           m.storage, m.object_key, kept.bytes
    FROM upload_sessions s JOIN media_files m ON m.id = s.media_file_id
    CROSS JOIN LATERAL (
        SELECT (m.metadata->>'chunks')::integer AS chunks, (m.metadata->>'bytes')::bigint AS bytes
    ) kept
    CROSS JOIN LATERAL generate_series(0, kept.chunks - 1) AS number
    WHERE m.status = 'pending' AND kept.chunks > 0 AND kept.bytes >= kept.chunks
    ON CONFLICT (media_file_id, number) DO NOTHING;
UPDATE upload_sessions s SET changed = changed + 1, due_at = now() + interval '5 minutes'
    FROM media_files m WHERE m.id = s.media_file_id AND m.status = 'pending' AND m.metadata ? 'chunks';
