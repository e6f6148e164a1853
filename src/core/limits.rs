//! The table of limits: what bounds memory, the disk, queues and money has its
//! number here. A bound of one algorithm alone stands beside it.

/// Largest webhook body, bytes. Meta batches up to 3 MB.
pub const WEBHOOK_BODY_BYTES_MAX: usize = 3 * 1024 * 1024;
/// Most events taken out of one body that nobody has signed.
pub const WEBHOOK_UPDATES_MAX: usize = 1_000;
/// Shortest secret in a webhook's path, bytes: 128 bits in hexadecimal digits.
pub const PATH_SECRET_BYTES_MIN: usize = 32;
/// Longest name of a credential after `action.`, characters.
pub const ACTION_NAME_CHARS_MAX: usize = 64;
/// Webhook bytes held in memory at once, over all connections.
pub const WEBHOOK_BYTES_IN_FLIGHT_MAX: usize = 8 * 1024 * 1024;
/// A body's first bytes, of which every connection may hold as many: most webhooks
/// are shorter.
pub const WEBHOOK_FIRST_BYTES: usize = 2 * 1024;
/// What is kept for the beginnings of bodies past these, bytes.
pub const WEBHOOK_BEGINNINGS_BYTES_MAX: usize = 1024 * 1024;
/// A body's beginning, bytes: nearly all webhooks are shorter.
pub const WEBHOOK_BEGINNING_BYTES: usize = 64 * 1024;
/// Longest text message, counted in UTF-16 units.
pub const TEXT_UNITS_MAX: usize = 4096;
/// Longest body of a message with buttons or a list, UTF-16 units.
pub const INTERACTIVE_UNITS_MAX: usize = 1024;
/// Reply buttons in one message.
pub const BUTTONS_MAX: usize = 3;
/// Graphemes in a button's title.
pub const BUTTON_TITLE_MAX: usize = 20;
/// Rows in one list.
pub const LIST_ROWS_MAX: usize = 10;
/// Graphemes in a row's title.
pub const ROW_TITLE_MAX: usize = 24;
/// Graphemes in a row's description.
pub const ROW_DESCRIPTION_MAX: usize = 72;
/// Characters of a choice's id (the smaller of the button and the row limit).
pub const CHOICE_ID_MAX: usize = 200;
/// Longest answer kept in a record field, characters.
pub const ANSWER_CHARS_MAX: usize = 1000;
/// Times one question is asked before it is left for staff.
pub const TRIES_MAX: u8 = 3;
/// Messages of one page that wait for its rest.
pub const SAID_MAX: usize = 12;
/// A page answered in part is waited for so many times a contact's quiet time.
pub const PATIENCE_QUIETS: i64 = 16;
/// After so long the same danger sign is warned of again, milliseconds: within
/// it a flood of cries is one emergency, after it the next one.
pub const WARN_AGAIN_MS: i64 = 30 * 60 * 1000;
/// Events of one contact stepped together.
pub const EVENTS_PER_STEP_MAX: usize = 50;
/// Longest wait for a contact to finish writing, from the first message.
pub const QUIET_MS_MAX: i64 = 5_000;
/// Contacts stepped in one transaction of the intake worker.
pub const CONTACTS_PER_TURN_MAX: usize = 256;
/// Interruptions an event survives: one while nobody suspects it, one beside
/// the others that waited with it, one alone. The second one alone puts it
/// aside. Fewer would put innocent ones aside where the power keeps failing.
pub const INTERRUPTIONS_MAX: u8 = 3;
/// How long a former app secret stays accepted after a rotation, ms.
pub const PREVIOUS_SECRET_MS: i64 = 8 * super::time::DAY_MS;
/// How long a status for a message we do not know yet is kept, ms.
pub const PARKED_STATUS_MS: i64 = super::time::DAY_MS;
/// How long words written before a consent are kept without one, ms.
pub const UNCONSENTED_MS: i64 = super::time::DAY_MS;
/// Largest answer of a provider read into memory, bytes.
pub const PROVIDER_REPLY_BYTES_MAX: usize = 64 * 1024;
/// Largest page of messages a provider is asked for, bytes.
pub const PROVIDER_LIST_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Largest list of its chats, which comes in one piece: some forty thousand.
pub const PROVIDER_CHATS_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Chats pulled in one round of polling; what is left comes in the next.
pub const CHATS_PER_POLL_MAX: usize = 50;
/// Chats without a stamp pulled in one round, those first that were not looked
/// into for longest: nothing tells whether there is anything new in them.
pub const UNSTAMPED_PER_POLL_MAX: usize = 5;
/// Newest messages of one chat looked at when it is pulled.
pub const MESSAGES_PER_CHAT_MAX: usize = 500;
/// Pages of our own messages looked at in one round of polling.
pub const DELIVERY_PAGES_MAX: usize = 12;
/// Pages searched for one message whose hand-over has no result.
pub const RECONCILE_PAGES_MAX: usize = 10;
/// What polling may cost in a day, bytes: every question and every answer.
pub const POLL_BYTES_PER_DAY: i64 = 50 * 1024 * 1024;
/// What of it may be spent at once after a quiet time, bytes.
pub const POLL_BURST_BYTES: i64 = 2 * 1024 * 1024;
/// Longest wait of sends for the first look into the chats after an outage, ms.
pub const PULL_FIRST_MS_MAX: u64 = 30_000;
/// Messages that may wait at a provider with a queue of its own. What waits
/// there can be neither reordered nor recalled.
pub const FAR_QUEUE_MAX: u64 = 10;
/// Longest wait a provider's answer can impose on us, ms.
pub const PROVIDER_WAIT_MS_MAX: i64 = 6 * super::time::HOUR_MS;
/// Wait of everything while our number is limited because people complain of
/// it, before jitter, ms.
pub const NUMBER_LIMITED_MS: i64 = 4 * super::time::HOUR_MS;
/// Times a message leaves once more whose result was lost, before its doubt ends
/// with a task. On a bad line two losses in a row are no wonder; where nothing
/// ever comes back each repeat may be one more copy on somebody's phone.
pub const REPEATS_MAX: u32 = 2;
/// Longest wait between two tries of our own choosing, before jitter, ms.
pub const RETRY_WAIT_MS_MAX: i64 = 15 * super::time::MINUTE_MS;
/// Longest lock-out after wrong passwords, ms.
pub const STAFF_LOCK_MS_MAX: i64 = super::time::HOUR_MS;
/// Contacts whose queue is planned anew in one turn of the sender.
pub const LOOKS_PER_TURN_MAX: usize = 256;
/// Messages of one contact in one state that a plan looks at.
pub const PLAN_SLICE_MAX: usize = 16;
/// Sends in the air at once, for the fastest number.
pub const SENDS_IN_FLIGHT_MAX: usize = 512;
/// Sends in the air at once, for the slowest one.
pub const SENDS_IN_FLIGHT_MIN: usize = 32;
/// Jobs that may wait for the database writer.
pub const WRITER_QUEUE_MAX: usize = 1_024;
/// Jobs that share one transaction.
pub const WRITER_GROUP_MAX: usize = 256;
/// Database read connections.
pub const READERS: usize = 2;
/// Page cache of one reading database connection, KiB.
pub const CACHE_KIB: i64 = 2_048;
/// Page cache of the writing connection, KiB: what it looks up for each message
/// lies at random places of a few indexes. Given back when nothing is written.
pub const WRITER_CACHE_KIB: i64 = 4_096;
/// How long a job that may wait for company waits for it, ms.
pub const WRITER_COMPANY_MS: u64 = 50;
/// Longest wait for those who were just answered to come back with their next
/// job, ms. Less than a slow flush costs, and never more than a quarter of it.
pub const WRITER_RETURN_MS_MAX: u64 = 10;
/// Quiet after which the write-ahead log is emptied, ms.
pub const WRITER_IDLE_MS: u64 = 5_000;
/// Longest life of a read transaction, ms. Only a backup or a check may take
/// longer.
pub const READ_MS_MAX: u64 = 2_000;
/// Longest check of one table, ms.
pub const CHECK_MS_MAX: u64 = 60_000;
/// How long a connection waits for a lock of another one, ms.
pub const LOCK_WAIT_MS: u64 = 1_000;
/// Prepared statements kept by each connection.
pub const STATEMENTS_KEPT: usize = 128;
/// Largest file of a patient's that is fetched, bytes: the provider's own limit
/// for sound and film.
pub const MEDIA_FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Bytes of patients' files kept in all: what a card and its backups carry.
pub const MEDIA_STORE_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// Bytes of one piece of a file: one write of the database.
pub const MEDIA_CHUNK_BYTES: usize = 64 * 1024;
/// Pieces overwritten in one transaction, so that nobody waits long.
pub const MEDIA_SWEEP_CHUNKS: usize = 32;
/// How long the provider keeps a patient's file, ms.
pub const MEDIA_AGE_MS_MAX: i64 = 7 * super::time::DAY_MS;
/// Longest wait between two tries to fetch a file, before jitter, ms.
pub const MEDIA_WAIT_MS_MAX: i64 = super::time::HOUR_MS;
/// Free space below which no file is fetched, bytes: files stop long before
/// messages do.
pub const MEDIA_FREE_BYTES_MIN: u64 = 256 * 1024 * 1024;
/// How long what was used is counted back, ms.
pub const USAGE_AGE_MS_MAX: i64 = 400 * super::time::DAY_MS;
/// Size to which an emptied write-ahead log is cut back, bytes: what a full one
/// takes, so that it is not cut and grown again under load.
pub const WAL_BYTES_KEPT: i64 = 17 * 1024 * 1024;
/// Pages in the write-ahead log at which it is copied into the database. Each
/// copying costs four more flushes, and a page changed often is copied once.
pub const WAL_PAGES: i64 = 4_000;
/// Disk space held back for the day the disk is full, bytes.
pub const RESERVE_BYTES: u64 = 32 * 1024 * 1024;
/// Free space below which a failed write means a full disk, bytes.
pub const DISK_FULL_BYTES: u64 = 1024 * 1024;
/// Longest cell a workbook may hold, UTF-16 units (Excel's own limit).
pub const XLSX_CELL_UNITS_MAX: usize = 32_767;
/// Messages the box sends in a whole intake: each one costs money.
pub const INTAKE_MESSAGES_MAX: usize = 12;
/// Records of one contact listed to them.
pub const KEPT_RECORDS_MAX: usize = 100;
/// Messages kept of an intake that has no record yet.
pub const UNFILED_MAX: usize = 50;
/// Messages in a row that come before a question by a clock that must then be
/// wrong; after them the question is asked anew.
pub const EARLY_MAX: u8 = 3;
/// Questions of a conversation of which it is known where they were put.
pub const QUESTIONS_KNOWN_MAX: usize = 12;
/// Who sends what cannot be read is told so no more often than this at one
/// question, ms: each reply costs money.
pub const WORDS_WANTED_MS: i64 = 5 * 60 * 1_000;
/// Silence after which a message is no more an addition to the record last
/// submitted, ms: it begins a new one.
pub const ADDED_MS_MAX: i64 = 24 * 3_600 * 1_000;
/// Who adds to a record is told so no more often than this, ms.
pub const ADDED_TOLD_MS: i64 = 3_600 * 1_000;
/// Records or messages in one list at the command line.
pub const RECORDS_LISTED_MAX: usize = 1_000;
/// Records read at once for an export.
pub const EXPORT_PAGE_ROWS: usize = 100;
/// Commands that may talk to the running service at once.
pub const CONTROL_CONNECTIONS_MAX: usize = 8;
/// HTTP connections open at once on a listener; more wait their turn.
pub const HTTP_CONNECTIONS_MAX: usize = 512;
/// Longest time for the head of an HTTP request, and longest silence between
/// two of them, ms.
pub const HTTP_HEAD_MS_MAX: u64 = 30_000;
/// Bytes of the head of an HTTP request.
pub const HTTP_HEAD_BYTES_MAX: usize = 32 * 1024;
/// Longest TLS handshake, ms: an old phone on bad Wi-Fi takes seconds.
pub const TLS_HANDSHAKE_MS_MAX: u64 = 15_000;
/// Largest body that the unlock page takes, bytes.
pub const UNLOCK_BODY_BYTES_MAX: usize = 8 * 1024;
/// Longest time such a body may take, ms.
pub const UNLOCK_BODY_MS_MAX: u64 = 15_000;
/// Secrets that may wait at the door of a locked box.
pub const UNLOCKS_WAITING_MAX: usize = 8;
/// How long a program that unlocks is kept waiting for its turn, ms; a longer
/// wait is told instead.
pub const UNLOCK_PATIENCE_MS: u64 = 15_000;
/// The same for somebody at the page: who sees nothing happen presses again.
pub const UNLOCK_FORM_PATIENCE_MS: u64 = 1_500;
/// Longest pause after a wrong secret, ms.
pub const UNLOCK_PAUSE_MS_MAX: u64 = 60_000;
/// Longest pause before a TPM that did not open is asked again, ms.
pub const TPM_PAUSE_MS_MAX: u64 = 5 * 60_000;
/// Longest request on the control socket, bytes.
pub const CONTROL_REQUEST_BYTES_MAX: usize = 64 * 1024;
/// Longest answer on the control socket, bytes: a page of the longest records.
pub const CONTROL_ANSWER_BYTES_MAX: u64 = 16 * 1024 * 1024;
