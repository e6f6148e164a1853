-- What came in and names no contact of ours: an erasure looks through it for
-- the addresses of whoever is erased, and age empties it.
DROP INDEX inbox_nobodys;
CREATE INDEX inbox_nobodys ON inbox (id)
    WHERE contact_id IS NULL AND item IS NOT NULL
      AND kind IN ('message', 'malformed', 'call', 'user_id_update', 'account');

-- The latest row of those that wait which holds a danger sign: while it waits,
-- what is left over of a step is not put off.
ALTER TABLE contact ADD COLUMN waits_urgent INTEGER;

UPDATE meta SET value = CAST('3' AS BLOB) WHERE key = 'schema';
