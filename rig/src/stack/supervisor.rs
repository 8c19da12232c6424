//! Runs the parts: one thread that lives as long as rig, with one task for each part.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::error::StackError;
use super::part::{NextStart, PartSpec};
use super::part_task::{PartTask, run};
use super::status::{Board, Login};

/// Commands that wait for the supervisor, and for each part.
const QUEUE: usize = 64;

/// What to do with a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Start its process, if it has none.
    Start,
    /// SIGTERM, and SIGKILL if that takes too long; it stays down.
    Stop,
    /// SIGKILL, as by accident: it is started again.
    Kill,
    /// SIGKILL; it stays down.
    KillStayDown,
    /// SIGSTOP.
    Pause,
    /// SIGCONT.
    Resume,
    /// Stop and start.
    Restart,
}

/// Why an action was not carried out, in words for a person.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Refusal(pub(super) String);

/// What a part's task is told.
pub(super) enum What {
    /// Do this now.
    Act(Action),
    /// Start in these ways, the next times; then as usual.
    NextStarts(Vec<NextStart>),
}

/// One word on its way to a part's task.
pub(super) struct Order {
    pub(super) what: What,
    pub(super) done: oneshot::Sender<Result<(), Refusal>>,
}

enum Request {
    Add(Box<PartSpec>, oneshot::Sender<()>),
    Part(String, Order),
    End,
}

/// Commands the thread that runs the parts. When the last of it is dropped, every part is killed.
#[derive(Debug, Clone)]
pub(super) struct Supervisor {
    requests: mpsc::Sender<Request>,
    board: Arc<Board>,
}

/// The thread itself; it ends when every part has ended.
pub(super) type Thread = thread::JoinHandle<()>;

impl Supervisor {
    /// Starts the thread. `stack` is the stack's directory.
    pub(super) fn start(stack: PathBuf, board: Arc<Board>) -> Result<(Self, Thread), StackError> {
        let (requests, receiver) = mpsc::channel(QUEUE);
        // Parts ask for the death signal of the thread that starts them: it must be this one, whose
        // runtime therefore has no other threads.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(StackError::io("start the supervisor"))?;
        let on_thread = Arc::clone(&board);
        let thread = thread::Builder::new()
            .name("supervisor".to_owned())
            .spawn(move || runtime.block_on(supervise(receiver, stack, on_thread)))
            .map_err(StackError::io("start the supervisor"))?;
        Ok((Self { requests, board }, thread))
    }

    /// Kills what still runs and ends the thread.
    pub(super) fn end(&self) {
        // Where the queue is full the thread ends with the last of us.
        let _ = self.requests.try_send(Request::End);
    }

    /// Adds a part, which is down until it is started.
    pub(super) async fn add(&self, spec: PartSpec, login: Option<Login>) -> Result<(), StackError> {
        self.board.add(&spec, login);
        let (done, wait) = oneshot::channel();
        let name = spec.name.clone();
        let request = Request::Add(Box::new(spec), done);
        let sent = self.requests.send(request).await.is_ok();
        if sent && wait.await.is_ok() { Ok(()) } else { Err(ended(&name)) }
    }

    /// Does something with a part; returns when it is done.
    pub(super) async fn act(&self, part: &str, action: Action) -> Result<(), StackError> {
        self.tell(part, What::Act(action)).await
    }

    /// Tells a part's task something; returns when it is done.
    pub(super) async fn tell(&self, part: &str, what: What) -> Result<(), StackError> {
        let (done, wait) = oneshot::channel();
        let request = Request::Part(part.to_owned(), Order { what, done });
        self.requests.send(request).await.map_err(|_| ended(part))?;
        match wait.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(why)) => Err(StackError::Refused { part: part.to_owned(), why: why.0 }),
            Err(_) => {
                // The sender is dropped where no part has the name.
                self.board.get().part(part)?;
                Err(ended(part))
            }
        }
    }
}

fn ended(part: &str) -> StackError {
    StackError::Refused { part: part.to_owned(), why: "the stack is ending".to_owned() }
}

async fn supervise(mut requests: mpsc::Receiver<Request>, stack: PathBuf, board: Arc<Board>) {
    let mut parts: HashMap<String, mpsc::Sender<Order>> = HashMap::new();
    let mut tasks = JoinSet::new();
    while let Some(request) = requests.recv().await {
        match request {
            Request::Add(spec, done) => {
                let (orders, receiver) = mpsc::channel(QUEUE);
                parts.insert(spec.name.clone(), orders);
                let task = PartTask::new(*spec, stack.clone(), Arc::clone(&board));
                tasks.spawn(run(task, receiver));
                let _ = done.send(());
            }
            Request::Part(name, order) => {
                if let Some(orders) = parts.get(&name) {
                    // A full queue drops the order, and its sender sees that.
                    let _ = orders.try_send(order);
                }
            }
            Request::End => break,
        }
    }
    // Each task sees its channel close and kills its part.
    drop(parts);
    while tasks.join_next().await.is_some() {}
}
