-- What is looked for every minute, or for each record that is dropped, is found
-- by an index and not by reading a whole table.

CREATE INDEX task_by_contact ON task (contact_id) WHERE contact_id IS NOT NULL;
CREATE INDEX task_by_record ON task (record_id) WHERE record_id IS NOT NULL;
CREATE INDEX contact_erased ON contact (erased_at) WHERE erased_at IS NOT NULL;
CREATE INDEX parked_by_age ON parked_status (parked_at);

-- In a state, by when the provider took them: polling asks for the recent ones.
DROP INDEX outbox_by_state;
CREATE INDEX outbox_by_state ON outbox (state, accepted_at);

UPDATE meta SET value = CAST('2' AS BLOB) WHERE key = 'schema';
