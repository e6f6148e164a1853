-- Programs before schema 3 look into `inbox_nobodys` for fewer kinds than it has
-- since, which SQLite takes for another index: they could erase nothing.
UPDATE meta SET value = CAST('3' AS BLOB) WHERE key = 'oldest_reader';

UPDATE meta SET value = CAST('4' AS BLOB) WHERE key = 'schema';
