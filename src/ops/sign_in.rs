//! Who asks: staff sign in before they see a patient, root or not.

use super::{Context, Period, Place, Response, SignIn};
use crate::core::access::{self, Action, Role};
use crate::core::id::{MediaId, StaffId};
use crate::core::private::Private;
use crate::core::secret::SecretText;
use crate::core::time::UnixMs;
use crate::keys::password;
use crate::store::{Error, audit, staff};
use tokio_util::sync::CancellationToken;

/// Somebody on one connection, signed in or not.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    signed: Option<Signed>,
    /// They were signed in, and what they signed in with no longer counts.
    ended: bool,
    /// Of which period an export was begun, and noted, and where it goes on.
    pub(super) export: Option<(Period, Place)>,
    /// The files of the record whose files were listed last, which was noted.
    pub(super) files: Vec<MediaId>,
    /// Ends what takes long, when whoever answers them is told to stop.
    pub(super) stop: CancellationToken,
}

/// Who signed in, as their account stands.
#[derive(Clone, Debug)]
struct Signed {
    id: StaffId,
    roles: Vec<Role>,
    /// Somebody else knows their password, or may have seen it: it is for
    /// choosing another and for nothing else.
    one_time: bool,
    /// The hash of the password they signed in with.
    hash: Private<String>,
}

impl Caller {
    /// Somebody who is answered until `stop`.
    pub fn until(stop: CancellationToken) -> Self {
        Self {
            stop,
            ..Self::default()
        }
    }

    /// Who it is in the audit log, if they may do this.
    pub(super) fn allowed(&self, action: Action) -> Result<String, Box<Response>> {
        self.staff_allowed(action).map(|id| format!("staff:{id}"))
    }

    /// Who it is, if they may do this.
    pub(super) fn staff_allowed(&self, action: Action) -> Result<StaffId, Box<Response>> {
        let signed = self.signed()?;
        if signed.one_time {
            return Err(Box::new(Response::refused(
                "a one-time password is for choosing one of your own, and for nothing else",
                "run healthpost user change-password NAME first",
            )));
        }
        if !access::may(&signed.roles, action) {
            return Err(Box::new(Response::refused(
                "your roles do not allow this",
                "ask an administrator: healthpost user list shows who may do what",
            )));
        }
        Ok(signed.id)
    }

    /// Who it is, whatever they may do.
    pub(super) fn signed_in(&self) -> Result<StaffId, Box<Response>> {
        self.signed().map(|signed| signed.id)
    }

    fn signed(&self) -> Result<&Signed, Box<Response>> {
        self.signed.as_ref().ok_or_else(|| {
            if self.ended {
                Box::new(Response::refused(
                    "the account was closed, or its password changed, since the sign-in",
                    "sign in again; healthpost user list shows which accounts are open",
                ))
            } else {
                not_signed_in()
            }
        })
    }

    /// They have a password of their own now.
    pub(super) fn chose_password(&mut self, hash: String) {
        if let Some(signed) = &mut self.signed {
            signed.one_time = false;
            signed.hash = Private::new(hash);
        }
    }

    /// Looks how the account stands now: a connection may stay open for long, and
    /// what was taken from somebody counts at once.
    pub(super) async fn look_again(&mut self, context: &Context) -> Result<(), Error> {
        let Some(signed) = &mut self.signed else {
            return Ok(());
        };
        let id = signed.id;
        let find = move |conn: &rusqlite::Connection| staff::find_open(conn, id);
        match context.readers.read(find).await? {
            Some((member, hash)) if hash == *signed.hash.expose() => {
                signed.one_time = member.must_change;
                signed.roles = member.roles;
            }
            Some(_) | None => {
                *self = Self {
                    ended: true,
                    ..Self::default()
                };
            }
        }
        Ok(())
    }
}

fn not_signed_in() -> Box<Response> {
    Box::new(Response::wrong_usage(
        "patient data is shown to signed-in staff only",
        "add --as NAME, and --password-file FILE where there is no terminal",
    ))
}

fn wrong() -> Response {
    Response::refused(
        "the name or the password is wrong",
        "try again; after five wrong passwords the account rests for a while",
    )
}

/// Checks name and password. A guess counts as wrong before it is looked at,
/// and is taken back when it was right: many at once are no way round the
/// lock-out, nor is pulling the plug.
pub(super) async fn sign_in(
    context: &Context,
    caller: &mut Caller,
    sign_in: SignIn,
) -> Result<Response, Error> {
    let at = context.clock.now().at;
    let SignIn { name, password } = sign_in;
    let guess = context
        .writer
        .run(move |conn| begin(conn, &name, at))
        .await?;
    let (id, hash) = match guess {
        Guess::Nobody => {
            // The same work as for a known name, so that the time tells nothing.
            hash(context, password).await?;
            return Ok(wrong());
        }
        Guess::Locked => {
            return Ok(Response::refused(
                "too many wrong passwords: the account rests for a while",
                "wait up to an hour, or run healthpost user reset-password",
            ));
        }
        Guess::Counted(id, hash) => (id, hash),
    };
    let right = check(password, hash.clone()).await?;
    let compared = right.then_some(hash);
    let signed = context.writer.run(move |conn| end(conn, id, compared, at));
    let Some(signed) = signed.await? else {
        return Ok(wrong());
    };
    *caller = Caller {
        signed: Some(signed),
        ..Caller::until(caller.stop.clone())
    };
    Ok(Response::Done)
}

/// What becomes of somebody's guess before the password is looked at.
enum Guess {
    /// There is nobody of that name.
    Nobody,
    /// The account rests.
    Locked,
    /// The password may be compared with this hash.
    Counted(StaffId, String),
}

fn begin(conn: &rusqlite::Connection, name: &str, at: UnixMs) -> Result<Guess, Error> {
    let Some((member, hash)) = staff::find(conn, name)? else {
        note(conn, at, "staff:unknown", "sign_in.refused")?;
        return Ok(Guess::Nobody);
    };
    if member.locked_until > at {
        note(conn, at, &format!("staff:{}", member.id), "sign_in.refused")?;
        return Ok(Guess::Locked);
    }
    staff::note_failure(conn, member.id, at)?;
    Ok(Guess::Counted(member.id, hash))
}

/// Signs in who knew the password of this hash, if it is theirs still: comparing
/// takes its time, and the account may have been closed or reset meanwhile.
fn end(
    conn: &rusqlite::Connection,
    id: StaffId,
    compared: Option<String>,
    at: UnixMs,
) -> Result<Option<Signed>, Error> {
    let who = format!("staff:{id}");
    let found = staff::find_open(conn, id)?;
    let Some((member, hash)) = found.filter(|(_, hash)| Some(hash) == compared.as_ref()) else {
        note(conn, at, &who, "sign_in.refused")?;
        return Ok(None);
    };
    staff::note_success(conn, id)?;
    note(conn, at, &who, "sign_in")?;
    Ok(Some(Signed {
        id,
        roles: member.roles,
        one_time: member.must_change,
        hash: Private::new(hash),
    }))
}

/// Whether a password is the one of this hash.
pub(super) async fn check(password: SecretText, hash: String) -> Result<bool, Error> {
    let checked = tokio::task::spawn_blocking(move || password::verify(password.as_str(), &hash));
    let checked = checked.await.map_err(|_| Error::Panicked)?;
    checked.map_err(|_| Error::Unreadable("a password's hash"))
}

/// A password's hash, made off the runtime's threads: it takes its time.
pub(super) async fn hash(context: &Context, password: SecretText) -> Result<String, Error> {
    let chance = std::sync::Arc::clone(&context.chance);
    let hashed =
        tokio::task::spawn_blocking(move || password::hash(password.as_str(), chance.as_ref()));
    let hashed = hashed.await.map_err(|_| Error::Panicked)?;
    hashed.map_err(|_| Error::Unreadable("a password's hash"))
}

fn note(conn: &rusqlite::Connection, at: UnixMs, who: &str, action: &str) -> Result<(), Error> {
    let deed = audit::Deed {
        at,
        actor: who,
        action,
        subject: who,
        detail: "command line",
    };
    audit::append(conn, &deed)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::core::data_key::DataKey;
    use crate::core::id::RecordId;
    use crate::device::chance::KernelChance;
    use crate::device::clock::SystemClock;
    use crate::store::{BoxKey, Readers, Writer, WriterThread, open};
    use std::sync::Arc;

    const RIGHT: &str = "a right password";

    /// A folder with one clinician, "marthe".
    pub(in crate::ops) async fn context(folder: &std::path::Path) -> (Context, WriterThread) {
        let key = DataKey::take(&mut [1; 32]);
        open::create(folder, &key, &BoxKey::new([2; 32])).unwrap();
        let (writer, thread) = Writer::start(open::open(folder, &key).unwrap(), None).unwrap();
        let context = Context {
            folder: folder.to_owned(),
            readers: Readers::open(folder, &key).unwrap(),
            writer,
            clock: Arc::new(SystemClock::new()),
            chance: Arc::new(KernelChance::new().unwrap()),
            configured: None,
            on_change: None,
            line: None,
        };
        let hash = hash(&context, RIGHT.into()).await.unwrap();
        let added = context.writer.run(move |conn| {
            let new = staff::NewStaff {
                name: "marthe",
                roles: &[Role::Clinician],
                password_hash: &hash,
                must_change: false,
            };
            staff::add(conn, &new, UnixMs(1))
        });
        added.await.unwrap();
        (context, thread)
    }

    /// Ends the writing thread: the process must not end under it.
    pub(in crate::ops) fn close((context, thread): (Context, WriterThread)) {
        drop(context);
        thread.stop().unwrap();
    }

    pub(in crate::ops) fn put_record(
        conn: &rusqlite::Connection,
        number: u64,
    ) -> Result<RecordId, Error> {
        let id = RecordId::from_random(number);
        let sql = "INSERT INTO record VALUES (?1, NULL, 1, 'complete', 'waiting', 'whatsapp',
                                              'none', 'fr', '{}', 5, 5)";
        conn.execute(sql, [id.as_str()])?;
        Ok(id)
    }

    /// Marthe, signed in.
    pub(in crate::ops) async fn marthe(context: &Context) -> Caller {
        let mut caller = Caller::default();
        let who = SignIn {
            name: "marthe".to_owned(),
            password: SecretText::from(RIGHT),
        };
        let said = sign_in(context, &mut caller, who).await.unwrap();
        assert!(matches!(said, Response::Done), "{said:?}");
        caller
    }

    async fn tries(context: &Context, name: &str, password: &str) -> bool {
        let who = SignIn {
            name: name.to_owned(),
            password: SecretText::from(password),
        };
        let mut caller = Caller::default();
        sign_in(context, &mut caller, who).await.unwrap();
        caller.signed.is_some()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_one_time_password_shows_nothing_until_another_was_chosen() {
        let folder = tempfile::tempdir().unwrap();
        let (context, thread) = context(folder.path()).await;
        let one_time = context.writer.run(|conn| {
            let (_, hash) = staff::find(conn, "marthe")?.unwrap();
            staff::set_password(conn, "marthe", &hash, true)
        });
        assert!(one_time.await.unwrap());
        let mut caller = Caller::default();
        let who = |password: &str| SignIn {
            name: "marthe".to_owned(),
            password: SecretText::from(password),
        };
        sign_in(&context, &mut caller, who(RIGHT)).await.unwrap();
        let told = caller.allowed(Action::ReadAnswers).unwrap_err();
        assert!(format!("{told:?}").contains("change-password"), "{told:?}");
        for (chosen, done) in [("short", false), (RIGHT, false), ("kikombe cha chai", true)] {
            let new = SecretText::from(chosen);
            let asked = crate::ops::Request::OwnPassword { password: new };
            let said = crate::ops::run(&context, &mut caller, asked).await;
            assert_eq!(matches!(said, Response::Done), done, "{chosen}: {said:?}");
            assert_eq!(caller.allowed(Action::ReadAnswers).is_ok(), done);
        }
        assert!(!tries(&context, "marthe", RIGHT).await);
        let mut again = Caller::default();
        sign_in(&context, &mut again, who("kikombe cha chai"))
            .await
            .unwrap();
        assert!(again.allowed(Action::ReadAnswers).is_ok());
        assert_eq!(deeds(&context).await[1], "user.password");
        let stranger = nobody_chooses(&context).await;
        assert!(matches!(stranger, Response::Refused { usage: true, .. }));
        close((context, thread));
    }

    /// Somebody who has not signed in asks for a password of their own.
    async fn nobody_chooses(context: &Context) -> Response {
        let password = SecretText::from("kikombe cha chai");
        let asked = crate::ops::Request::OwnPassword { password };
        crate::ops::run(context, &mut Caller::default(), asked).await
    }

    pub(in crate::ops) async fn deeds(context: &Context) -> Vec<String> {
        let read = context.readers.read(|conn| {
            let mut query = conn.prepare("SELECT action FROM audit ORDER BY seq")?;
            let deeds = query.query_map([], |row| row.get(0))?;
            Ok(deeds.collect::<rusqlite::Result<_>>()?)
        });
        read.await.unwrap()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn who_cannot_be_noted_is_told_so_and_shown_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (context, thread) = context(folder.path()).await;
        let other = open::open(folder.path(), &DataKey::take(&mut [1; 32])).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let mut caller = Caller::default();
        let who = || {
            crate::ops::Request::SignIn(SignIn {
                name: "marthe".to_owned(),
                password: SecretText::from(RIGHT),
            })
        };
        let said = crate::ops::run(&context, &mut caller, who()).await;
        let told = format!("{said:?}");
        assert!(told.contains("locked by somebody else: nothing"), "{told}");
        assert!(told.contains("audit log"), "{told}");
        assert!(caller.signed_in().is_err());
        other.execute_batch("COMMIT").unwrap();
        drop(other);
        let said = crate::ops::run(&context, &mut caller, who()).await;
        assert!(matches!(said, Response::Done), "{said:?}");
        close((context, thread));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn many_guesses_at_once_are_no_way_round_the_lock_out() {
        let folder = tempfile::tempdir().unwrap();
        let (context, thread) = context(folder.path()).await;
        let guesses = (0..12).map(|_| tries(&context, "marthe", "a wrong password"));
        let guesses = futures_util::future::join_all(guesses).await;
        assert!(guesses.iter().all(|entered| !entered));
        // Five were compared; since then the account rests, for the right one too.
        let find = |conn: &rusqlite::Connection| staff::find(conn, "marthe");
        let (member, _) = context.readers.read(find).await.unwrap().unwrap();
        assert_eq!(member.failures, 5);
        assert!(!tries(&context, "marthe", RIGHT).await);
        assert_eq!(deeds(&context).await, ["sign_in.refused"; 13]);
        close((context, thread));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_right_password_takes_the_count_back_and_strangers_are_noted() {
        let folder = tempfile::tempdir().unwrap();
        let (context, thread) = context(folder.path()).await;
        for _ in 0..4 {
            assert!(!tries(&context, "marthe", "a wrong password").await);
        }
        assert!(tries(&context, "Marthe", RIGHT).await);
        assert!(!tries(&context, "nobody", RIGHT).await);
        assert!(tries(&context, "marthe", RIGHT).await);
        let noted = deeds(&context).await;
        assert_eq!(noted[..4], ["sign_in.refused"; 4]);
        assert_eq!(noted[4..], ["sign_in", "sign_in.refused", "sign_in"]);
        close((context, thread));
    }

    async fn asks(context: &Context, caller: &mut Caller, request: crate::ops::Request) -> String {
        format!("{:?}", crate::ops::run(context, caller, request).await)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_is_taken_from_an_account_counts_on_open_connections() {
        let folder = tempfile::tempdir().unwrap();
        let (context, thread) = context(folder.path()).await;
        let list = || crate::ops::Request::TaskList {
            all: false,
            limit: 1,
        };
        let mut caller = marthe(&context).await;
        let said = asks(&context, &mut caller, list()).await;
        assert!(said.starts_with("Tasks"), "{said}");
        let name = || "marthe".to_owned();
        let disable = crate::ops::Request::UserDisable { name: name() };
        let enable = crate::ops::Request::UserEnable { name: name() };
        assert_eq!(
            asks(&context, &mut Caller::default(), disable).await,
            "Done"
        );
        let said = asks(&context, &mut caller, list()).await;
        assert!(said.contains("the account was closed"), "{said}");
        // Opening it again signs nobody in.
        assert_eq!(asks(&context, &mut Caller::default(), enable).await, "Done");
        let said = asks(&context, &mut caller, list()).await;
        assert!(said.contains("the account was closed"), "{said}");
        let mut caller = marthe(&context).await;
        let reset = crate::ops::Request::UserPassword {
            name: name(),
            password: SecretText::from("another password"),
            one_time: false,
        };
        assert_eq!(asks(&context, &mut Caller::default(), reset).await, "Done");
        let said = asks(&context, &mut caller, list()).await;
        assert!(said.contains("its password changed"), "{said}");
        close((context, thread));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn who_was_closed_out_or_reset_while_the_password_was_compared_is_not_signed_in() {
        let folder = tempfile::tempdir().unwrap();
        let (context, thread) = context(folder.path()).await;
        let outcomes = context.writer.run(|conn| {
            let at = UnixMs(1);
            let mut entered = Vec::new();
            let Guess::Counted(id, hash) = begin(conn, "marthe", at)? else {
                panic!("she is there");
            };
            entered.push(end(conn, id, Some(hash.clone()), at)?.is_some());
            staff::disable(conn, "marthe")?;
            entered.push(end(conn, id, Some(hash.clone()), at)?.is_some());
            staff::enable(conn, "marthe")?;
            staff::set_password(conn, "marthe", "another hash", true)?;
            entered.push(end(conn, id, Some(hash), at)?.is_some());
            entered.push(end(conn, id, None, at)?.is_some());
            Ok(entered)
        });
        assert_eq!(outcomes.await.unwrap(), [true, false, false, false]);
        assert_eq!(deeds(&context).await[1..], ["sign_in.refused"; 3]);
        close((context, thread));
    }
}
