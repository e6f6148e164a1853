//! Planted bugs. None of them touches the program: each is a mistake in the
//! test's own shell, or a trigger on the real database, that does what a bug
//! of the program would do. A simulation that does not see them sees nothing.

/// One planted bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// A webhook is answered 200 before its commit.
    AcknowledgedTooEarly,
    /// The disk does not keep what it was told to flush.
    FlushThatLies,
    /// Deduplication lives in memory and is gone after a start.
    ForgetfulDeduplication,
    /// A message leaves before its attempt is committed.
    SentBeforeItsAttempt,
    /// A send whose answer is lost is simply sent again.
    BlindRetry,
    /// What is in the air is taken back while it is in the air.
    TakenBackInTheAir,
    /// A double is sent without its mark.
    MarkForgotten,
    /// A late `delivered` overwrites `read`.
    StateGoesBack,
    /// A failed message opens no task.
    NoTask,
    /// A message pushes to the front of its queue.
    QueueJumper,
    /// The emergency text is not queued.
    EmergencyLost,
    /// The emergency text waits its turn.
    EmergencyWaits,
    /// Time is trusted although it cannot be.
    CredulousClock,
    /// The words of an erased contact stay.
    WordsKept,
    /// The raw bodies of an erased contact stay.
    BodiesKept,
    /// An audit entry is changed afterwards.
    AuditRewritten,
    /// A step commits in pieces.
    StepInPieces,
    /// What was in the air is forgotten at the start.
    NoRecovery,
    /// A message is taken in and nobody is told to step it.
    NobodyTold,
}

impl Bug {
    /// Every one of them.
    pub const ALL: [Self; 19] = [
        Self::AcknowledgedTooEarly,
        Self::FlushThatLies,
        Self::ForgetfulDeduplication,
        Self::SentBeforeItsAttempt,
        Self::BlindRetry,
        Self::TakenBackInTheAir,
        Self::MarkForgotten,
        Self::StateGoesBack,
        Self::NoTask,
        Self::QueueJumper,
        Self::EmergencyLost,
        Self::EmergencyWaits,
        Self::CredulousClock,
        Self::WordsKept,
        Self::BodiesKept,
        Self::AuditRewritten,
        Self::StepInPieces,
        Self::NoRecovery,
        Self::NobodyTold,
    ];

    /// The invariants of which one must see it; another one that speaks first
    /// is a bug of the simulation.
    pub const fn breaks(self) -> &'static [&'static str] {
        match self {
            Self::AcknowledgedTooEarly => &["acknowledged_once"],
            Self::FlushThatLies => &["commits_are_whole", "acknowledged_once"],
            Self::ForgetfulDeduplication => &["acknowledged_once"],
            Self::SentBeforeItsAttempt | Self::BlindRetry | Self::MarkForgotten => {
                &["doubles_are_marked"]
            }
            Self::TakenBackInTheAir => &["one_in_flight", "only_lost_results_double"],
            Self::StateGoesBack => &["states_move_forward"],
            Self::NoTask => &["everything_ends"],
            Self::QueueJumper => &["order"],
            Self::EmergencyLost => &["emergency_at_once"],
            Self::EmergencyWaits => &["emergency_goes_next"],
            Self::CredulousClock => &["untrusted_time_deletes_nothing"],
            Self::WordsKept | Self::BodiesKept => &["erased_means_erased"],
            Self::AuditRewritten => &["audit_chain"],
            Self::StepInPieces => &["commits_are_whole"],
            Self::NoRecovery | Self::NobodyTold => &["calm_empties_everything"],
        }
    }

    /// What it does to the database, as triggers of one connection.
    pub const fn triggers(self) -> &'static str {
        match self {
            Self::MarkForgotten => {
                "CREATE TEMP TRIGGER planted AFTER UPDATE OF maybe_double ON main.outbox
                 WHEN NEW.maybe_double = 1 AND OLD.maybe_double = 0 BEGIN
                   UPDATE outbox SET maybe_double = 0 WHERE id = NEW.id; END;"
            }
            Self::StateGoesBack => {
                "CREATE TEMP TRIGGER planted AFTER UPDATE OF state ON main.outbox
                 WHEN OLD.state = 'read' AND NEW.state = 'read' BEGIN
                   UPDATE outbox SET state = 'delivered' WHERE id = NEW.id; END;"
            }
            Self::NoTask => {
                "CREATE TEMP TRIGGER planted BEFORE INSERT ON main.task
                 WHEN NEW.outbox_id IS NOT NULL BEGIN SELECT RAISE(IGNORE); END;"
            }
            Self::QueueJumper => {
                "CREATE TEMP TRIGGER planted AFTER UPDATE OF head_id ON main.lane
                 WHEN NEW.rank = 1 AND NEW.again = 0 AND NEW.head_id % 7 = 0 BEGIN
                   UPDATE lane SET head_id = coalesce((
                     SELECT max(id) FROM outbox WHERE contact_id = NEW.contact_id
                       AND state = 'queued' AND purpose != 'template'), head_id)
                   WHERE contact_id = NEW.contact_id; END;"
            }
            Self::EmergencyLost => {
                "CREATE TEMP TRIGGER planted BEFORE INSERT ON main.outbox
                 WHEN NEW.purpose = 'emergency' BEGIN SELECT RAISE(IGNORE); END;"
            }
            Self::EmergencyWaits => {
                "CREATE TEMP TRIGGER planted AFTER UPDATE OF head_id ON main.lane
                 WHEN NEW.rank = 0 AND NEW.head_id IS NOT NULL AND NOT EXISTS (
                     SELECT 1 FROM outbox WHERE contact_id = NEW.contact_id
                       AND state = 'in_doubt') BEGIN
                   UPDATE lane SET rank = 1, head_id = coalesce((
                     SELECT min(id) FROM outbox WHERE contact_id = NEW.contact_id
                       AND state = 'queued'), head_id)
                   WHERE contact_id = NEW.contact_id; END;"
            }
            Self::WordsKept => {
                "CREATE TEMP TRIGGER planted BEFORE UPDATE OF item ON main.inbox
                 WHEN NEW.item IS NULL BEGIN SELECT RAISE(IGNORE); END;"
            }
            Self::BodiesKept => {
                "CREATE TEMP TRIGGER planted BEFORE UPDATE OF body ON main.webhook
                 WHEN NEW.body IS NULL BEGIN SELECT RAISE(IGNORE); END;"
            }
            Self::AuditRewritten => {
                "CREATE TEMP TRIGGER planted AFTER INSERT ON main.audit
                 WHEN NEW.seq = 5 BEGIN
                   UPDATE audit SET actor = 'nobody' WHERE seq = 2; END;"
            }
            Self::NobodyTold => {
                "CREATE TEMP TRIGGER planted AFTER UPDATE OF due_at ON main.contact
                 WHEN NEW.due_at % 7 = 0 BEGIN
                   UPDATE contact SET waits_from = NULL, first_at = NULL, due_at = NULL
                   WHERE id = NEW.id; END;"
            }
            Self::AcknowledgedTooEarly
            | Self::FlushThatLies
            | Self::ForgetfulDeduplication
            | Self::SentBeforeItsAttempt
            | Self::BlindRetry
            | Self::TakenBackInTheAir
            | Self::CredulousClock
            | Self::StepInPieces
            | Self::NoRecovery => "",
        }
    }
}
