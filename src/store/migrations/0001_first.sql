-- The first schema. Times are integer milliseconds UTC; JSON columns hold
-- serialised types of `core`, read back by the same types.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Credentials.
CREATE TABLE secret (
    name   TEXT PRIMARY KEY,
    value  BLOB NOT NULL,
    set_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Former values of a credential, each accepted until its own time.
CREATE TABLE former_secret (
    name  TEXT NOT NULL,
    value BLOB NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (name, value)
) STRICT, WITHOUT ROWID;

-- POST bodies as received, where every item became a message that a conversation
-- handles, so that an erasure finds them; emptied by one. The newest row stays, so
-- that no number comes twice: items name their webhook by it.
CREATE TABLE webhook (
    id          INTEGER PRIMARY KEY,
    received_at INTEGER NOT NULL,
    channel     TEXT NOT NULL CHECK (channel IN ('cloud', 'ultramsg', 'gatherer')),
    body        BLOB
) STRICT;
CREATE INDEX webhook_by_age ON webhook (received_at);

-- What was already taken in: HMAC-SHA-256, cut to 16 bytes, of the item's
-- deduplication key under a box key. Kept for good. The row it became, so that
-- a message is found for its edit or revoke; keys lie scattered, and a second
-- index of that kind would cost a page more for each message.
CREATE TABLE seen (
    key      BLOB PRIMARY KEY CHECK (length(key) = 16),
    inbox_id INTEGER
) STRICT, WITHOUT ROWID;

-- Chats as polling last saw them: HMAC of the chat's name, the stamp before
-- which it holds nothing new, and when it was last looked into.
CREATE TABLE polled_chat (
    key       BLOB PRIMARY KEY CHECK (length(key) = 16),
    stamp     INTEGER NOT NULL,
    pulled_at INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- Rows are never deleted, also not when a contact is erased.
CREATE TABLE contact (
    id            INTEGER PRIMARY KEY,
    created_at    INTEGER NOT NULL,
    username      TEXT,
    profile_name  TEXT,
    -- WhatsApp's stamp of the latest message or call: opens the 24-hour window.
    last_stamp    INTEGER NOT NULL DEFAULT 0,
    -- Why staff should look at this contact, if they should.
    flag          TEXT,
    -- Steps in the running minute, to slow a flood down.
    pace_minute   INTEGER NOT NULL DEFAULT 0,
    pace_count    INTEGER NOT NULL DEFAULT 0,
    erased_at     INTEGER,
    -- While messages wait to be stepped: no row of theirs is before this one,
    -- when the first of them came, and when they are due.
    waits_from    INTEGER,
    first_at      INTEGER,
    due_at        INTEGER
) STRICT;
CREATE INDEX contact_due ON contact (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE address (
    kind       TEXT NOT NULL CHECK (kind IN ('phone', 'bsuid', 'parent_bsuid')),
    value      TEXT NOT NULL,
    contact_id INTEGER NOT NULL REFERENCES contact (id),
    first_seen INTEGER NOT NULL,
    last_seen  INTEGER NOT NULL,
    -- Given up for another by then, by WhatsApp's stamp: what came from it before
    -- is still the contact's, what comes later may be anybody's.
    retired_at INTEGER,
    PRIMARY KEY (kind, value)
) STRICT, WITHOUT ROWID;
CREATE INDEX address_by_contact ON address (contact_id, kind, last_seen);

-- One item out of a webhook. Messages of a contact wait here for the engine. The
-- number is the order of arrival. Retention deletes rows, but not the newest,
-- which it empties: `seen` names rows for good, so no number may come twice.
CREATE TABLE inbox (
    id            INTEGER PRIMARY KEY,
    webhook_id    INTEGER,
    contact_id    INTEGER REFERENCES contact (id),
    kind          TEXT NOT NULL,
    -- HMAC of the provider's message id, for whoever checks the whole table.
    message_key   BLOB,
    -- Under which `seen.key` the message stands that this one is about.
    about         BLOB,
    item          TEXT,
    stamped_at    INTEGER NOT NULL,
    received_at   INTEGER NOT NULL,
    state         TEXT NOT NULL CHECK (state IN ('new', 'handled', 'kept', 'dead')),
    interruptions INTEGER NOT NULL DEFAULT 0,
    why           TEXT
) STRICT;
CREATE INDEX inbox_by_contact ON inbox (contact_id) WHERE contact_id IS NOT NULL;
CREATE INDEX inbox_changes ON inbox (contact_id) WHERE about IS NOT NULL;
CREATE INDEX inbox_dead ON inbox (id) WHERE state = 'dead';
-- What may be words of somebody whom nothing names: any erasure empties it.
CREATE INDEX inbox_nobodys ON inbox (id)
    WHERE contact_id IS NULL AND item IS NOT NULL
      AND kind IN ('message', 'malformed', 'call', 'user_id_update');

CREATE TABLE timer (
    contact_id INTEGER NOT NULL REFERENCES contact (id),
    kind       TEXT NOT NULL,
    due_at     INTEGER NOT NULL,
    PRIMARY KEY (contact_id, kind)
) STRICT, WITHOUT ROWID;
CREATE INDEX timer_by_due ON timer (due_at);

CREATE TABLE session (
    contact_id   INTEGER PRIMARY KEY REFERENCES contact (id),
    flow_version TEXT NOT NULL,
    state        TEXT NOT NULL,
    updated_at   INTEGER NOT NULL
) STRICT;
-- Which flows are still spoken is asked at each start.
CREATE INDEX session_by_flow ON session (flow_version);

-- Flows that sessions began on and may still speak.
CREATE TABLE flow (
    version TEXT PRIMARY KEY,
    source  TEXT NOT NULL,
    seen_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE record (
    id         TEXT PRIMARY KEY,
    contact_id INTEGER REFERENCES contact (id),
    version    INTEGER NOT NULL,
    status     TEXT NOT NULL CHECK (status IN ('in_progress', 'complete', 'withdrawn', 'erased')),
    care_state TEXT NOT NULL CHECK (care_state IN ('waiting', 'seen', 'referred', 'closed')),
    source     TEXT NOT NULL CHECK (source IN ('whatsapp', 'walk_in', 'gatherer')),
    triage     TEXT NOT NULL CHECK (triage IN ('none', 'urgent')),
    language   TEXT,
    fields     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX record_by_creation ON record (created_at, id);
CREATE INDEX record_by_update ON record (updated_at, id);
CREATE INDEX record_by_contact ON record (contact_id);

-- Every earlier version of a record, so that no correction loses a word.
CREATE TABLE record_version (
    record_id  TEXT NOT NULL REFERENCES record (id),
    version    INTEGER NOT NULL,
    status     TEXT NOT NULL,
    fields     TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    changed_by TEXT NOT NULL,
    PRIMARY KEY (record_id, version)
) STRICT, WITHOUT ROWID;

-- The outbound queue. The id is the order. Retention deletes rows, but not the
-- newest, which it empties, so that no number comes twice.
CREATE TABLE outbox (
    id           INTEGER PRIMARY KEY,
    key          TEXT NOT NULL UNIQUE,
    contact_id   INTEGER NOT NULL REFERENCES contact (id),
    purpose      TEXT NOT NULL CHECK (purpose IN ('prompt', 'notice', 'emergency', 'staff',
                                                  'template')),
    body         TEXT,
    -- 0 goes before everything else (an emergency), 1 is everything else.
    rank         INTEGER NOT NULL,
    state        TEXT NOT NULL,
    why          TEXT,
    not_before   INTEGER NOT NULL DEFAULT 0,
    -- Refusals of the kind that is worth so many tries and no more.
    attempts     INTEGER NOT NULL DEFAULT 0,
    -- Times it was put off, for whatever reason: only the wait grows with it.
    delays       INTEGER NOT NULL DEFAULT 0,
    -- Times the provider was asked about it in its present doubt and told nothing.
    asked        INTEGER NOT NULL DEFAULT 0,
    -- Times it left once more after its result was lost.
    repeats      INTEGER NOT NULL DEFAULT 0,
    -- HMAC of the provider's id, to match statuses.
    wamid_key    BLOB,
    -- Sent again after a result was lost: the far side may have it twice.
    maybe_double INTEGER NOT NULL DEFAULT 0 CHECK (maybe_double IN (0, 1)),
    -- Where it ends instead of waiting again, decided while it was in the air.
    doom         TEXT CHECK (doom IN ('superseded', 'cancelled')),
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    accepted_at  INTEGER,
    -- The provider's own stamp of `sent`.
    sent_stamp   INTEGER,
    -- WhatsApp's stamp of the contact's latest message when it was queued, and
    -- when it last left.
    about_stamp  INTEGER NOT NULL DEFAULT 0,
    under_stamp  INTEGER NOT NULL DEFAULT 0,
    -- Since when its age counts; empty until a trusted clock has seen it.
    aged_from    INTEGER
) STRICT;
CREATE INDEX outbox_waiting ON outbox (contact_id, state, rank, id)
    WHERE state IN ('queued', 'held', 'sending', 'in_doubt');
CREATE INDEX outbox_template ON outbox (contact_id, id) WHERE purpose = 'template';
CREATE INDEX outbox_by_state ON outbox (state);
CREATE INDEX outbox_oldest ON outbox (created_at)
    WHERE state IN ('queued', 'held', 'sending', 'in_doubt');
CREATE INDEX outbox_by_wamid ON outbox (wamid_key) WHERE wamid_key IS NOT NULL;
CREATE INDEX outbox_by_contact ON outbox (contact_id, id);

-- What is known of each contact's queue: its head and when that may leave, and
-- when the contact is to be looked at again. A row once a contact was written
-- to, and for good: their allowance outlives an empty queue.
CREATE TABLE lane (
    contact_id   INTEGER PRIMARY KEY REFERENCES contact (id),
    -- 0 if its head goes before everybody else's.
    rank         INTEGER NOT NULL DEFAULT 1,
    head_id      INTEGER,
    -- Whether the head may have arrived already: 1 if it leaves once more, 2 if
    -- it does so unless the provider has it, 3 if the provider is only asked.
    again        INTEGER NOT NULL DEFAULT 0 CHECK (again IN (0, 1, 2, 3)),
    ready_at     INTEGER,
    look_at      INTEGER,
    -- Whether something is held until they write.
    holds        INTEGER NOT NULL DEFAULT 0 CHECK (holds IN (0, 1)),
    -- Up to when their own rate is spent.
    spent_to     INTEGER NOT NULL DEFAULT 0,
    -- The stamp of theirs up to which they were told of our lateness.
    told_stamp   INTEGER NOT NULL DEFAULT 0,
    -- The stamp whose window WhatsApp itself called closed, and the one whose
    -- window was over by our own clock while that could be trusted.
    closed_stamp INTEGER,
    lapsed_stamp INTEGER
) STRICT;
CREATE INDEX lane_ready ON lane (rank, ready_at) WHERE ready_at IS NOT NULL;
CREATE INDEX lane_look ON lane (look_at) WHERE look_at IS NOT NULL;

-- Whatever changes what waits for a contact has the contact looked at again:
-- here and not in each statement, so that none can forget it. The moment of the
-- change stands for the place in the row, so that nobody is passed for good.
CREATE TRIGGER outbox_queued AFTER INSERT ON outbox BEGIN
    INSERT INTO lane (contact_id, look_at) VALUES (NEW.contact_id, NEW.updated_at)
    ON CONFLICT (contact_id) DO UPDATE
        SET look_at = min(coalesce(look_at, excluded.look_at), excluded.look_at);
END;
CREATE TRIGGER outbox_changed AFTER UPDATE OF state, not_before ON outbox
WHEN NEW.state != 'sending'
     AND (OLD.state IN ('queued', 'held', 'sending', 'in_doubt')
          OR NEW.state IN ('queued', 'held', 'in_doubt')) BEGIN
    UPDATE lane SET look_at = min(coalesce(look_at, NEW.updated_at), NEW.updated_at)
    WHERE contact_id = NEW.contact_id;
END;
CREATE TRIGGER contact_wrote AFTER UPDATE OF last_stamp ON contact
WHEN NEW.last_stamp != OLD.last_stamp BEGIN
    UPDATE lane SET look_at = 0 WHERE contact_id = NEW.id AND holds = 1;
END;

-- Templates the provider refused: left alone for a while.
CREATE TABLE template_fault (
    name     TEXT NOT NULL,
    language TEXT NOT NULL,
    code     INTEGER NOT NULL,
    since    INTEGER NOT NULL,
    PRIMARY KEY (name, language)
) STRICT, WITHOUT ROWID;

CREATE TABLE attempt (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    outbox_id  INTEGER NOT NULL REFERENCES outbox (id),
    started_at INTEGER NOT NULL,
    ended_at   INTEGER,
    outcome    TEXT
) STRICT;
CREATE INDEX attempt_by_outbox ON attempt (outbox_id, id);
CREATE INDEX attempt_open ON attempt (id) WHERE ended_at IS NULL;

-- Statuses of messages we do not know yet: they may overtake the answer to
-- the send that made them.
CREATE TABLE parked_status (
    wamid_key BLOB NOT NULL,
    receipt   TEXT NOT NULL,
    status    TEXT NOT NULL,
    parked_at INTEGER NOT NULL,
    PRIMARY KEY (wamid_key, receipt)
) STRICT, WITHOUT ROWID;

CREATE TABLE task (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    kind       TEXT NOT NULL,
    contact_id INTEGER REFERENCES contact (id),
    record_id  TEXT REFERENCES record (id),
    outbox_id  INTEGER REFERENCES outbox (id),
    detail     TEXT,
    state      TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'claimed', 'done')),
    claimed_by INTEGER REFERENCES staff (id),
    claimed_at INTEGER,
    created_at INTEGER NOT NULL,
    -- How it ended: done, could_not_reach, not_needed.
    outcome    TEXT,
    done_by    INTEGER REFERENCES staff (id),
    done_at    INTEGER
) STRICT;
CREATE INDEX task_open ON task (created_at) WHERE state != 'done';
CREATE INDEX task_same ON task (kind, detail, contact_id);
CREATE UNIQUE INDEX task_one_an_item ON task (outbox_id) WHERE outbox_id IS NOT NULL;

-- What Meta last said of the neutral templates.
CREATE TABLE template (
    name     TEXT NOT NULL,
    language TEXT NOT NULL,
    status   TEXT NOT NULL,
    reason   TEXT NOT NULL,
    heard_at INTEGER NOT NULL,
    PRIMARY KEY (name, language)
) STRICT, WITHOUT ROWID;

CREATE TABLE staff (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    name          TEXT NOT NULL UNIQUE COLLATE NOCASE,
    roles         TEXT NOT NULL,
    password      TEXT NOT NULL,
    must_change   INTEGER NOT NULL DEFAULT 0 CHECK (must_change IN (0, 1)),
    failures      INTEGER NOT NULL DEFAULT 0,
    locked_until  INTEGER NOT NULL DEFAULT 0,
    disabled      INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
    created_at    INTEGER NOT NULL
) STRICT;

-- Who did what. Each entry's hash covers the one before it.
CREATE TABLE audit (
    seq     INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    actor   TEXT NOT NULL,
    action  TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail  TEXT NOT NULL,
    hash    BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;

-- Files that patients sent. An erased one keeps its row until its pieces are
-- overwritten, one that is not kept its `bytes`.
CREATE TABLE media (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    inbox_id   INTEGER UNIQUE REFERENCES inbox (id) ON DELETE SET NULL,
    contact_id INTEGER NOT NULL REFERENCES contact (id),
    record_id  TEXT REFERENCES record (id) ON DELETE SET NULL,
    media_id   TEXT NOT NULL,
    kind       TEXT NOT NULL CHECK (kind IN ('image', 'audio', 'video', 'document', 'sticker')),
    mime       TEXT,
    sha256     TEXT,
    state      TEXT NOT NULL CHECK (state IN ('waiting', 'fetching', 'kept', 'gone', 'too_big',
                                              'refused', 'erased')),
    why        TEXT,
    bytes      INTEGER NOT NULL DEFAULT 0,
    -- The furthest byte any try has reached.
    reached    INTEGER NOT NULL DEFAULT 0,
    -- Tries since one got further than all before it.
    tries      INTEGER NOT NULL DEFAULT 0,
    not_before INTEGER NOT NULL DEFAULT 0,
    stamped_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX media_wanted ON media (not_before) WHERE state IN ('waiting', 'fetching');
CREATE INDEX media_swept ON media (id)
    WHERE state = 'erased' OR (bytes > 0 AND state IN ('gone', 'too_big', 'refused'));
CREATE INDEX media_by_record ON media (record_id) WHERE record_id IS NOT NULL;
CREATE INDEX media_by_contact ON media (contact_id);
CREATE INDEX media_by_stamp ON media (stamped_at);
CREATE INDEX media_bytes ON media (bytes) WHERE bytes > 0;

CREATE TABLE media_chunk (
    media_id INTEGER NOT NULL REFERENCES media (id),
    start    INTEGER NOT NULL,
    body     BLOB NOT NULL,
    UNIQUE (media_id, start)
) STRICT;

-- What was used, by quarters of an hour since 1970 (UTC): messages that
-- arrived by category, messages accepted, bytes on the wire.
CREATE TABLE usage (
    quarter INTEGER NOT NULL,
    kind    TEXT NOT NULL,
    count   INTEGER NOT NULL,
    PRIMARY KEY (quarter, kind)
) STRICT, WITHOUT ROWID;

-- Counters that must survive a restart (unknown shapes, dropped echoes, …).
CREATE TABLE counter (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What a program must know to decide whether it can work with this database:
-- the schema's number and the oldest program schema that still reads it.
INSERT INTO meta (key, value) VALUES
    ('schema', CAST('1' AS BLOB)),
    ('oldest_reader', CAST('1' AS BLOB));
