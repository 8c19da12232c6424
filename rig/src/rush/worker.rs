//! What one connection does: take an ask, write it down, send it, write the answer down, and see
//! whether it has to be asked again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use contract::ids::EventId;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request};
use tokio::sync::Notify;
use tokio::time::sleep_until;

use super::answer::{self, Answer, Meaning, meaning};
use super::connection::{Connection, Response};
use super::line::Lost;
use super::names::Names;
use super::recorder::{Entry, Recorder, WriterGone};
use super::schedule::{Again, Ask, Next, Schedule, Turn};

const ISSUE_PATH: &str = "/api/v1/coupons/issue";
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// What all connections of a rush share.
pub struct Shared {
    /// When the history began.
    pub began: Instant,
    /// The event that is asked for.
    pub event: EventId,
    /// What users are called.
    pub names: Names,
    /// Who asks next.
    schedule: Mutex<Schedule>,
    /// Wakes connections that wait for something to do.
    work: Notify,
    /// Wakes the time keeper: something is due earlier than what it sleeps for, or all is over.
    time: Notify,
    requests: AtomicU64,
}

impl Shared {
    /// Nobody has asked yet.
    pub fn new(began: Instant, event: EventId, names: Names, schedule: Schedule) -> Self {
        Self {
            began,
            event,
            names,
            schedule: Mutex::new(schedule),
            work: Notify::new(),
            time: Notify::new(),
            requests: AtomicU64::new(0),
        }
    }

    /// Microseconds since the history began.
    pub fn now_us(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn schedule(&self) -> MutexGuard<'_, Schedule> {
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake_all(&self) {
        self.work.notify_waiters();
        self.time.notify_one();
    }

    fn next(&self) -> Next {
        let now_us = self.now_us();
        let next = self.schedule().next(now_us);
        if let Next::Ask(Ask { turn: Turn::First, tries: 1, .. }) = next {
            // Its doubles are ready for other connections, and its later turn has been set.
            self.work.notify_one();
            self.time.notify_one();
        }
        next
    }
}

/// Asks on one connection until everybody is done.
pub async fn work(
    shared: &Shared,
    mut connection: Connection,
    recorder: Recorder,
) -> Result<(), WriterGone> {
    while let Some(ask) = next_ask(shared).await {
        let answer = ask_once(shared, &mut connection, &recorder, ask).await?;
        settle(shared, ask, answer.as_ref());
    }
    Ok(())
}

/// Wakes a connection for each ask that has become due, until everybody is done.
pub async fn keep_time(shared: &Shared) {
    loop {
        let (due, over) = {
            let now_us = shared.now_us();
            let mut schedule = shared.schedule();
            (schedule.due(now_us), schedule.is_over())
        };
        if over {
            return;
        }
        (0..due.asks).for_each(|_| shared.work.notify_one());
        match due.next_us {
            None => shared.time.notified().await,
            Some(next_us) => {
                let next = shared.began + Duration::from_micros(next_us);
                tokio::select! {
                    () = shared.time.notified() => {}
                    () = sleep_until(next.into()) => {}
                }
            }
        }
    }
}

async fn next_ask(shared: &Shared) -> Option<Ask> {
    loop {
        let mut work = std::pin::pin!(shared.work.notified());
        // Listening begins before looking, so that nothing in between is missed.
        work.as_mut().enable();
        match shared.next() {
            Next::Ask(ask) => return Some(ask),
            Next::Done => return None,
            Next::Wait => work.await,
        }
    }
}

async fn ask_once(
    shared: &Shared,
    connection: &mut Connection,
    recorder: &Recorder,
    ask: Ask,
) -> Result<Result<Answer, Lost>, WriterGone> {
    let request = shared.requests.fetch_add(1, Ordering::Relaxed);
    let asked_us = shared.now_us();
    let asked = Entry::Asked { request, at_us: asked_us, user: ask.user, attempt: ask.attempt };
    recorder.record(asked).await?;
    let sent_us = shared.now_us();
    let response = connection.ask(build(shared, connection, ask)).await;
    let answer = response.and_then(|response| understand(&response));
    let at_us = shared.now_us();
    let entry = match &answer {
        Ok(answer) => {
            Entry::Answered { request, at_us, took_us: at_us - sent_us, answer: answer.clone() }
        }
        Err(why) => Entry::Lost { request, at_us, why: *why },
    };
    recorder.record(entry).await?;
    Ok(answer)
}

fn understand(response: &Response) -> Result<Answer, Lost> {
    let retry_after = response.retry_after.as_ref().and_then(|value| value.to_str().ok());
    answer::read(response.status, retry_after, &response.body).map_err(|_| Lost::Garbled)
}

fn build(shared: &Shared, connection: &Connection, ask: Ask) -> Request<Full<Bytes>> {
    let user = shared.names.user(ask.user);
    let body = format!("{{\"event_id\":\"{}\",\"user_id\":\"{user}\"}}", shared.event);
    let mut request = Request::new(Full::new(Bytes::from(body)));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = hyper::Uri::from_static(ISSUE_PATH);
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let mut insert = |name, text: String| {
        let value = HeaderValue::try_from(text).expect("addresses and keys are plain ASCII");
        headers.insert(name, value);
    };
    insert(HOST, connection.address().to_string());
    if let Some(key) = shared.names.key(ask.user, ask.attempt) {
        insert(hyper::header::HeaderName::from_static(IDEMPOTENCY_KEY), key);
    }
    request
}

/// Puts an ask away, or back into the schedule.
fn settle(shared: &Shared, ask: Ask, answer: Result<&Answer, &Lost>) {
    let now_us = shared.now_us();
    let mut schedule = shared.schedule();
    let retry_after_ms = match answer {
        Ok(answer) if meaning(answer.status, answer.code) != Meaning::AskAgain => {
            schedule.done();
            if schedule.is_over() {
                shared.wake_all();
            }
            return;
        }
        Ok(answer) => answer.retry_after_ms,
        Err(_) => None,
    };
    let wait_us = schedule.wait_us(ask.tries, retry_after_ms);
    match schedule.again(ask, now_us, wait_us) {
        Again::Scheduled => shared.time.notify_one(),
        Again::GivenUp if schedule.is_over() => shared.wake_all(),
        Again::GivenUp => {}
    }
}
