-- Older gateways keep working: what they write is indexed by triggers, and nothing that they read has changed.
-- Full-text search: the words of names and of transcript segments, each beside a word that stands for its owner, so that the
-- index alone finds what one owner may see.

-- The words of a text, as they are written (for phrases and beginnings of words) and as the stems of its language (a tag like
-- `en` or `de-AT`). The owner is a lexeme that no parser makes: `@`, the user's id, and `t` for test data. Calls only
-- functions of pg_catalog, because an index expression is evaluated without the schema of this table in the search path.
CREATE OR REPLACE FUNCTION words_of(user_id bigint, live boolean, language text, text text) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT array_to_tsvector(ARRAY['@' || user_id::text || CASE WHEN live THEN '' ELSE 't' END])
           || to_tsvector('pg_catalog.simple', left(text, 100000))
           || CASE lower(split_part(replace(coalesce(language, ''), '_', '-'), '-', 1))
                  WHEN 'da' THEN to_tsvector('pg_catalog.danish', left(text, 100000))
                  WHEN 'de' THEN to_tsvector('pg_catalog.german', left(text, 100000))
                  WHEN 'en' THEN to_tsvector('pg_catalog.english', left(text, 100000))
                  WHEN 'es' THEN to_tsvector('pg_catalog.spanish', left(text, 100000))
                  WHEN 'fr' THEN to_tsvector('pg_catalog.french', left(text, 100000))
                  WHEN 'it' THEN to_tsvector('pg_catalog.italian', left(text, 100000))
                  WHEN 'nl' THEN to_tsvector('pg_catalog.dutch', left(text, 100000))
                  WHEN 'no' THEN to_tsvector('pg_catalog.norwegian', left(text, 100000))
                  WHEN 'pt' THEN to_tsvector('pg_catalog.portuguese', left(text, 100000))
                  WHEN 'ru' THEN to_tsvector('pg_catalog.russian', left(text, 100000))
                  WHEN 'sv' THEN to_tsvector('pg_catalog.swedish', left(text, 100000))
                  ELSE ''::tsvector
              END
$$;

CREATE TABLE IF NOT EXISTS transcript_words (
    meeting_id bigint   NOT NULL,
    position   integer  NOT NULL,
    words      tsvector NOT NULL,
    PRIMARY KEY (meeting_id, position),
    FOREIGN KEY (meeting_id, position) REFERENCES transcript_segments ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX IF NOT EXISTS transcript_words_by_word ON transcript_words USING gin (words);
CREATE INDEX IF NOT EXISTS recordings_by_word ON recordings USING gin (words_of(user_id, live, NULL, name))
    WHERE name IS NOT NULL;

-- The search of one owner: `exact` is text for to_tsquery, `typed` for websearch_to_tsquery, whose stems are looked for in every
-- language that is indexed. NULL, which finds nothing, where neither has a word.
CREATE OR REPLACE FUNCTION search_query(user_id bigint, live boolean, exact text, typed text) RETURNS tsquery
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ('''@' || user_id::text || CASE WHEN live THEN '' ELSE 't' END || '''')::tsquery
           && string_agg(DISTINCT '(' || words::text || ')', ' | ')::tsquery
    FROM unnest(ARRAY[
        to_tsquery('pg_catalog.simple', exact),
        websearch_to_tsquery('pg_catalog.danish', typed), websearch_to_tsquery('pg_catalog.german', typed),
        websearch_to_tsquery('pg_catalog.english', typed), websearch_to_tsquery('pg_catalog.spanish', typed),
        websearch_to_tsquery('pg_catalog.french', typed), websearch_to_tsquery('pg_catalog.italian', typed),
        websearch_to_tsquery('pg_catalog.dutch', typed), websearch_to_tsquery('pg_catalog.norwegian', typed),
        websearch_to_tsquery('pg_catalog.portuguese', typed), websearch_to_tsquery('pg_catalog.russian', typed),
        websearch_to_tsquery('pg_catalog.swedish', typed)]) words
    WHERE numnode(words) > 0
$$;

-- pg_trgm finds names in spite of typing errors. It is used where the server has it and its role may create it.
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
    CREATE INDEX IF NOT EXISTS recordings_by_spelling ON recordings USING gin (name gin_trgm_ops) WHERE name IS NOT NULL;
EXCEPTION WHEN undefined_file OR feature_not_supported OR insufficient_privilege THEN
    RAISE NOTICE 'pg_trgm is not available: the search does not tolerate typing errors in names';
END
$$;
CREATE OR REPLACE FUNCTION names_alike(owner_id bigint, of_live boolean, typed text)
RETURNS TABLE (id bigint, similarity real)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_trgm') THEN
        RETURN QUERY EXECUTE
            'SELECT r.id, word_similarity($3, r.name) FROM recordings r
             WHERE r.name IS NOT NULL AND $3 <% r.name AND r.user_id = $1 AND r.live = $2
             ORDER BY 2 DESC LIMIT 100' USING owner_id, of_live, typed;
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION index_transcript_segment() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO transcript_words (meeting_id, position, words)
    SELECT NEW.meeting_id, NEW.position, words_of(m.user_id, m.live, NEW.language, NEW.text)
    FROM meetings m WHERE m.id = NEW.meeting_id
    ON CONFLICT (meeting_id, position) DO UPDATE SET words = EXCLUDED.words;
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER transcript_segment_written AFTER INSERT OR UPDATE ON transcript_segments
    FOR EACH ROW EXECUTE FUNCTION index_transcript_segment();

CREATE OR REPLACE FUNCTION index_meeting_of_new_owner() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE transcript_words w SET words = words_of(NEW.user_id, NEW.live, s.language, s.text)
    FROM transcript_segments s
    WHERE s.meeting_id = NEW.id AND (w.meeting_id, w.position) = (s.meeting_id, s.position);
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER meeting_changed_owner AFTER UPDATE OF user_id, live ON meetings
    FOR EACH ROW EXECUTE FUNCTION index_meeting_of_new_owner();

INSERT INTO transcript_words (meeting_id, position, words)
SELECT s.meeting_id, s.position, words_of(m.user_id, m.live, s.language, s.text)
FROM transcript_segments s JOIN meetings m ON m.id = s.meeting_id
ON CONFLICT (meeting_id, position) DO NOTHING;
