//! One chat taken in, and news of our own messages.

use super::allowance::QUESTION_BYTES;
use super::chats::Changed;
use super::{Look, Poll, State, log};
use crate::core::delivery::{Class, classify};
use crate::core::inbound::{Item, ProviderError};
use crate::core::limits::{
    DELIVERY_PAGES_MAX, FAR_QUEUE_MAX, MESSAGES_PER_CHAT_MAX, PROVIDER_LIST_BYTES_MAX,
    PROVIDER_REPLY_BYTES_MAX,
};
use crate::core::time::{MINUTE_MS, UnixMs};
use crate::ports::{Chat, History, Page, Standing, Unanswered};
use crate::store::polling::{self, Seen, Unsettled};

/// Wait between looks for messages the provider gave up, and for news of those
/// that left and have not arrived.
const RARE_MS: i64 = 10 * MINUTE_MS;
/// Newest messages looked at first; more until known ground is reached.
const FIRST_LOOK: usize = 10;

impl<H: History> Poll<H> {
    /// Takes in what a chat holds, down to what an earlier look has reached:
    /// what is new may lie below any number of messages that webhooks brought,
    /// and of our own.
    pub(super) async fn pull(
        &self,
        changed: Changed,
        state: &mut State,
        look: &mut Look,
    ) -> Result<(), Unanswered> {
        let Changed {
            chat,
            key,
            ground,
            mark,
        } = changed;
        let began = state.began;
        let known = ground;
        let ground = known.map_or(began, |known| known.max(began));
        let (page, missed) = self.reach(&chat, (known, ground), state).await?;
        let mut who = chat.who;
        for told in page.told {
            if let Ok(Item::Message(message)) = &told.item.content {
                who = message.from.clone();
            }
            if told.item.stamped().is_some_and(|at| at < began) {
                continue;
            }
            let taken = self.taking.take(told.raw.into_inner(), vec![told.item]);
            let tally = taken.await.map_err(log)?;
            look.messages = look.messages.saturating_add(tally.messages);
        }
        let latest = page.span.map(|(_, latest)| latest);
        let seen = Seen {
            stamp: mark.or(latest).unwrap_or(ground),
            pulled_at: self.now(),
        };
        if missed {
            tracing::warn!(
                "a chat holds more than can be fetched: staff read it on the clinic's phone"
            );
        }
        let saw = move |conn: &_| {
            if missed {
                polling::missed(conn, &who, seen.pulled_at)?;
            }
            polling::saw(conn, &key, seen)
        };
        self.taking.writer.run(saw).await.map_err(log)
    }

    /// The page of a chat that reaches below known ground, or as far as one can;
    /// whether something lies between it and the ground. Further back than the
    /// newest so many the provider cannot be asked.
    async fn reach(
        &self,
        chat: &Chat,
        (known, ground): (Option<UnixMs>, UnixMs),
        state: &mut State,
    ) -> Result<(Page, bool), Unanswered> {
        let mut newest = FIRST_LOOK;
        let mut before: Option<Page> = None;
        loop {
            let page = match (self.newest(chat, newest, state).await, before) {
                (Ok(page), _) => page,
                // So much of it as can be had is better than nothing of it.
                (Err(Unanswered::TooLong), Some(page)) => return Ok((page, true)),
                (Err(Unanswered::TooLong), None) => {
                    return self.reach_less(chat, ground, state).await;
                }
                (Err(other), _) => return Err(other),
            };
            if page.span.is_some_and(|(earliest, _)| earliest < ground) {
                return Ok((page, false));
            }
            if page.messages < newest {
                let missed = state.width.hides(&page, known);
                return Ok((page, missed));
            }
            if newest >= MESSAGES_PER_CHAT_MAX {
                // Without a stamp nobody can tell whether anything is missing.
                let missed = page.span.is_some_and(|(earliest, _)| earliest > ground);
                return Ok((page, missed));
            }
            before = Some(page);
            newest = newest.saturating_mul(4).min(MESSAGES_PER_CHAT_MAX);
        }
    }

    /// The newest of a chat, where those of the first look are too long to be read
    /// together. One that is too long by itself is the clinic's phone's to show.
    async fn reach_less(
        &self,
        chat: &Chat,
        ground: UnixMs,
        state: &mut State,
    ) -> Result<(Page, bool), Unanswered> {
        let mut newest = FIRST_LOOK / 2;
        while newest > 0 {
            match self.newest(chat, newest, state).await {
                Ok(page) => {
                    let missed = page.span.is_some_and(|(earliest, _)| earliest > ground);
                    return Ok((page, missed));
                }
                Err(Unanswered::TooLong) => newest /= 2,
                Err(other) => return Err(other),
            }
        }
        Ok((Page::default(), true))
    }

    async fn newest(
        &self,
        chat: &Chat,
        newest: usize,
        state: &mut State,
    ) -> Result<Page, Unanswered> {
        let page = self.history.messages(&chat.id, newest).await;
        if matches!(page, Err(Unanswered::Odd)) {
            state.pay(PROVIDER_REPLY_BYTES_MAX);
        }
        let page = state.cut_off(page, PROVIDER_LIST_BYTES_MAX)?;
        state.pay(page.bytes);
        state.width.see(&page);
        Ok(page)
    }

    /// How our own messages fared: each time where it is not known whether one
    /// left, now and then where it is not known whether one arrived, and those
    /// the provider gave up.
    pub(super) async fn ask_for_news(
        &self,
        unsettled: Unsettled,
        state: &mut State,
        look: &mut Look,
    ) -> Result<(), Unanswered> {
        let now = self.now();
        let rare = now.ms_since(state.news_at) >= RARE_MS || now < state.news_at;
        if unsettled.taken {
            look.crowded = self.is_crowded(state).await?;
        }
        if unsettled.taken || (unsettled.sent && rare) {
            for page in 1..=DELIVERY_PAGES_MAX {
                if !self.news(Standing::Any, page, state).await? {
                    break;
                }
            }
        }
        if rare && (unsettled.taken || unsettled.sent) {
            for standing in [Standing::Expired, Standing::Invalid, Standing::Unsent] {
                self.news(standing, 1, state).await?;
            }
            state.news_at = now;
        }
        Ok(())
    }

    /// Whether the provider's own queue is full. What cannot be read says nothing of
    /// it, and keeps nothing else from being asked; it is asked for rarely then.
    async fn is_crowded(&self, state: &mut State) -> Result<bool, Unanswered> {
        let now = self.now();
        if (0..RARE_MS).contains(&now.ms_since(state.mute_at)) {
            return Ok(false);
        }
        match self.history.backlog().await {
            Ok(backlog) => {
                state.pay(backlog.bytes);
                Ok(backlog.messages >= FAR_QUEUE_MAX)
            }
            Err(why) if says_nothing(why) => {
                state.pay(PROVIDER_REPLY_BYTES_MAX);
                state.mute_at = now;
                Ok(false)
            }
            Err(other) => Err(other),
        }
    }

    /// Takes in one page; true if it held anything new.
    async fn news(
        &self,
        standing: Standing,
        page: usize,
        state: &mut State,
    ) -> Result<bool, Unanswered> {
        let page = self.history.deliveries(standing, page).await;
        let page = state.cut_off(page, PROVIDER_LIST_BYTES_MAX)?;
        state.pay(page.bytes);
        // The rows hold our own words and the person's number; the item says
        // all that is needed of them.
        let tally = self.taking.take([], page.items).await.map_err(log)?;
        Ok(tally.statuses > 0)
    }
}

/// Whether what came back of one question says nothing of line or account: others
/// may be answered all the same.
pub(super) fn says_nothing(why: Unanswered) -> bool {
    match why {
        Unanswered::Odd | Unanswered::TooLong => true,
        Unanswered::Lost | Unanswered::NotStored => false,
        Unanswered::Refused(code) => {
            let error = ProviderError {
                code,
                subcode: None,
            };
            match classify(&error, 200) {
                Class::Configuration | Class::ThrottleNumber | Class::NumberLimited => false,
                Class::ThrottleContact
                | Class::Retry
                | Class::Permanent
                | Class::NeedsTemplate
                | Class::Unknown
                | Class::PossiblySent => true,
            }
        }
    }
}

impl State {
    /// Notes what one answer has cost.
    pub(super) fn pay(&mut self, bytes: usize) {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        self.spent = self
            .spent
            .saturating_add(bytes)
            .saturating_add(QUESTION_BYTES);
    }

    /// Notes that an answer was read up to its bound and no further, where it was.
    pub(super) fn cut_off<T>(
        &mut self,
        answer: Result<T, Unanswered>,
        bytes_max: usize,
    ) -> Result<T, Unanswered> {
        if matches!(answer, Err(Unanswered::TooLong)) {
            self.pay(bytes_max);
        }
        answer
    }
}
