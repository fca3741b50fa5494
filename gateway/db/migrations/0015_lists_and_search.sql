-- Older gateways keep working: a trigger fills the new columns, and what they read has not changed.
ALTER TABLE recordings
    ADD COLUMN main_type text NOT NULL DEFAULT '' CHECK (main_type IN ('', 'audio', 'video', 'image')),
    ADD COLUMN duration_seconds double precision;

-- A recording's main_type and duration_seconds follow its media files. The recording is locked first, so that two
-- transactions that change files of one recording see each other's.
CREATE FUNCTION describe_recording() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    changed bigint := CASE WHEN TG_OP = 'DELETE' THEN OLD.recording_id ELSE NEW.recording_id END;
BEGIN
    PERFORM FROM recordings WHERE id = changed FOR NO KEY UPDATE;
    UPDATE recordings r SET main_type = found.main_type, duration_seconds = found.duration_seconds
    FROM (
        SELECT CASE WHEN bool_or(type = 'video') THEN 'video' WHEN bool_or(type = 'audio') THEN 'audio'
                    WHEN bool_or(type = 'image') THEN 'image' ELSE '' END AS main_type,
               max(duration_seconds) AS duration_seconds
        FROM media_files WHERE recording_id = changed
    ) found
    WHERE r.id = changed AND (r.main_type, r.duration_seconds) IS DISTINCT FROM (found.main_type, found.duration_seconds);
    RETURN NULL;
END
$$;
CREATE TRIGGER media_file_describes AFTER INSERT OR DELETE OR UPDATE OF type, duration_seconds ON media_files
    FOR EACH ROW EXECUTE FUNCTION describe_recording();
UPDATE recordings r SET main_type = found.main_type, duration_seconds = found.duration_seconds
FROM (
    SELECT recording_id,
           CASE WHEN bool_or(type = 'video') THEN 'video' WHEN bool_or(type = 'audio') THEN 'audio' ELSE 'image' END AS main_type,
           max(duration_seconds) AS duration_seconds
    FROM media_files GROUP BY recording_id
) found
WHERE r.id = found.recording_id;

DROP INDEX recordings_by_status;
CREATE INDEX recordings_by_status ON recordings (user_id, live, status DESC, created_at DESC, id DESC);
CREATE INDEX recordings_by_type ON recordings (user_id, live, main_type DESC, created_at DESC, id DESC);
CREATE INDEX recordings_longest
    ON recordings (user_id, live, (coalesce(duration_seconds, -1)) DESC, created_at DESC, id DESC);
CREATE INDEX recordings_shortest
    ON recordings (user_id, live, (coalesce(duration_seconds, 'Infinity')), created_at, id);

-- The words of one owner become neighbours in the index: a search for the beginning of a word read those of all owners.
DROP INDEX recordings_by_word, transcript_words_by_word;
-- The words of a text, as they are written (for phrases and beginnings of words) and as the stems of its language (a tag like
-- `en` or `de-AT`). Each begins with its owner's mark, `@`, the user's id, `t` for test data and `/`: in the index the words
-- of one owner are next to each other, and a search for the beginning of a word reads no others. The mark alone is for a
-- search for what is not said. Calls only functions of pg_catalog, because an index expression is evaluated without the
-- schema of this table in the search path. PostgreSQL indexes words of up to 2046 octets.
CREATE OR REPLACE FUNCTION words_of(user_id bigint, live boolean, language text, text text) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 1000 AS $$
    SELECT concat_ws(' ', '''' || mark || '''', string_agg(
        '''' || mark || replace(replace(lexeme, '\', '\\'), '''', '''''') || ''':' || array_to_string(positions, ','), ' '
    ))::tsvector
    FROM (SELECT '@' || to_hex(user_id) || CASE WHEN live THEN '/' ELSE 't/' END AS mark) owner LEFT JOIN unnest(
        to_tsvector('pg_catalog.simple', left(text, 80000))
        || CASE lower(split_part(replace(coalesce(language, ''), '_', '-'), '-', 1))
               WHEN 'da' THEN to_tsvector('pg_catalog.danish', left(text, 80000))
               WHEN 'de' THEN to_tsvector('pg_catalog.german', left(text, 80000))
               WHEN 'en' THEN to_tsvector('pg_catalog.english', left(text, 80000))
               WHEN 'es' THEN to_tsvector('pg_catalog.spanish', left(text, 80000))
               WHEN 'fr' THEN to_tsvector('pg_catalog.french', left(text, 80000))
               WHEN 'it' THEN to_tsvector('pg_catalog.italian', left(text, 80000))
               WHEN 'nl' THEN to_tsvector('pg_catalog.dutch', left(text, 80000))
               WHEN 'no' THEN to_tsvector('pg_catalog.norwegian', left(text, 80000))
               WHEN 'pt' THEN to_tsvector('pg_catalog.portuguese', left(text, 80000))
               WHEN 'ru' THEN to_tsvector('pg_catalog.russian', left(text, 80000))
               WHEN 'sv' THEN to_tsvector('pg_catalog.swedish', left(text, 80000))
               ELSE ''::tsvector
           END
    ) ON octet_length(lexeme) < 2000
    GROUP BY mark
$$;

-- The search of one owner: `exact` is text for to_tsquery, `typed` for websearch_to_tsquery, whose stems are looked for in every
-- language that is indexed. Each word gets its owner's mark; a search that could match without any of its words (`-word`)
-- gets the mark alone as well. NULL, which finds nothing, where neither has a word.
CREATE OR REPLACE FUNCTION search_query(user_id bigint, live boolean, exact text, typed text) RETURNS tsquery
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN querytree(words) = 'T' THEN ('''' || mark || '''')::tsquery && marked ELSE marked END
    FROM (
        SELECT mark, words, regexp_replace(words::text, '''((?:[^'']|'''')+)''', '''' || mark || '\1''', 'g')::tsquery AS marked
        FROM (
            SELECT '@' || to_hex(user_id) || CASE WHEN live THEN '/' ELSE 't/' END AS mark,
                   string_agg(DISTINCT '(' || each::text || ')', ' | ')::tsquery AS words
            FROM unnest(ARRAY[
                to_tsquery('pg_catalog.simple', exact),
                websearch_to_tsquery('pg_catalog.danish', typed), websearch_to_tsquery('pg_catalog.german', typed),
                websearch_to_tsquery('pg_catalog.english', typed), websearch_to_tsquery('pg_catalog.spanish', typed),
                websearch_to_tsquery('pg_catalog.french', typed), websearch_to_tsquery('pg_catalog.italian', typed),
                websearch_to_tsquery('pg_catalog.dutch', typed), websearch_to_tsquery('pg_catalog.norwegian', typed),
                websearch_to_tsquery('pg_catalog.portuguese', typed), websearch_to_tsquery('pg_catalog.russian', typed),
                websearch_to_tsquery('pg_catalog.swedish', typed)]) each
            WHERE numnode(each) > 0
        ) found
    ) found
$$;

CREATE INDEX recordings_by_word ON recordings USING gin (words_of(user_id, live, NULL, name)) WHERE name IS NOT NULL;
TRUNCATE transcript_words;
INSERT INTO transcript_words (meeting_id, position, words)
SELECT s.meeting_id, s.position, words_of(m.user_id, m.live, s.language, s.text)
FROM transcript_segments s JOIN meetings m ON m.id = s.meeting_id;
CREATE INDEX transcript_words_by_word ON transcript_words USING gin (words);
CREATE INDEX meetings_by_native_id ON meetings (user_id, live, native_meeting_id);

CREATE OR REPLACE FUNCTION names_alike(owner_id bigint, of_live boolean, typed text)
RETURNS TABLE (id bigint, similarity real)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_trgm') THEN
        -- One wrong letter in a short word, or in each of two, is less alike than the default of 0.6.
        PERFORM set_config('pg_trgm.word_similarity_threshold', '0.5', true);
        RETURN QUERY EXECUTE
            'SELECT r.id, word_similarity($3, r.name) FROM recordings r
             WHERE r.name IS NOT NULL AND $3 <% r.name AND r.user_id = $1 AND r.live = $2
             ORDER BY 2 DESC LIMIT 100' USING owner_id, of_live, typed;
    END IF;
END
$$;
