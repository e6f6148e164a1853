-- A list of more than two words is put into a table of its own each time it is
-- looked into, and these conditions are looked into at every write of a message:
-- four times where its state changes, and twice more by the trigger.
DROP INDEX outbox_waiting;
CREATE INDEX outbox_waiting ON outbox (contact_id, state, rank, id)
    WHERE (state = 'queued' OR state = 'held' OR state = 'sending' OR state = 'in_doubt');
DROP INDEX outbox_oldest;
CREATE INDEX outbox_oldest ON outbox (created_at)
    WHERE (state = 'queued' OR state = 'held' OR state = 'sending' OR state = 'in_doubt');

DROP TRIGGER outbox_changed;
CREATE TRIGGER outbox_changed AFTER UPDATE OF state, not_before ON outbox
WHEN NEW.state != 'sending'
     AND (NEW.state = 'queued' OR NEW.state = 'held' OR NEW.state = 'in_doubt'
          OR OLD.state = 'queued' OR OLD.state = 'held' OR OLD.state = 'sending'
          OR OLD.state = 'in_doubt') BEGIN
    UPDATE lane SET look_at = min(coalesce(look_at, NEW.updated_at), NEW.updated_at)
    WHERE contact_id = NEW.contact_id;
END;

-- Old files that belong to no record, among many that do.
CREATE INDEX media_loose ON media (stamped_at) WHERE record_id IS NULL AND state != 'erased';

-- Programs before this one name the indexes by conditions they no longer have.
UPDATE meta SET value = CAST('5' AS BLOB) WHERE key = 'oldest_reader';
UPDATE meta SET value = CAST('5' AS BLOB) WHERE key = 'schema';
