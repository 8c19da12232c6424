//! A stack that runs inside this process.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::certificates::Certificates;
use super::control;
use super::directory::StackDirectory;
use super::error::StackError;
use super::handle::Handle;
use super::mounts;
use super::mysql;
use super::part::{PartKind, PartSpec};
use super::plan::{self, Servers, StackOptions};
use super::ports::PortBlock;
use super::repository;
use super::status::{Board, Status};
use super::supervisor::{Action, Supervisor, Thread};

/// A running stack. Dropped without [`Stack::stop`], its parts are killed and its directory removed.
#[derive(Debug)]
pub struct Stack {
    directory: StackDirectory,
    ports: PortBlock,
    board: Arc<Board>,
    supervisor: Supervisor,
    /// `None` once it has ended.
    thread: Option<Thread>,
    control: JoinHandle<()>,
    shutdown: watch::Receiver<bool>,
}

impl Stack {
    /// Starts a stack and returns when every part is ready. What fails is ended again, its logs
    /// kept, and the error says which part, the end of its log and what to do.
    pub async fn start(options: StackOptions) -> Result<Self, StackError> {
        plan::start(&options).await
    }

    /// An empty stack, to which parts are added.
    pub(super) fn new(
        directory: StackDirectory,
        ports: PortBlock,
        jars: &Path,
    ) -> Result<Self, StackError> {
        let board = Arc::new(Board::new(Status {
            name: directory.name().to_owned(),
            directory: directory.path().to_owned(),
            rig: std::process::id(),
            parts: Vec::new(),
            programs: programs(jars),
        }));
        let (supervisor, thread) =
            Supervisor::start(directory.path().to_owned(), Arc::clone(&board))?;
        let thread = Some(thread);
        let (control, shutdown) = control::serve(directory.path(), supervisor.clone())?;
        Ok(Self { directory, ports, board, supervisor, thread, control, shutdown })
    }

    /// How it stands now.
    pub fn status(&self) -> Status {
        self.board.get()
    }

    /// The same view of it that tests and other processes have.
    pub fn handle(&self) -> Handle {
        Handle::of(self.status())
    }

    /// Returns when another process (`./dev down`) asks the stack to end.
    pub async fn shutdown_requested(&self) {
        let mut shutdown = self.shutdown.clone();
        if shutdown.wait_for(|&asked| asked).await.is_err() {
            // The control socket is gone, so nobody can ask any more.
            std::future::pending().await
        }
    }

    /// Keeps the logs for after [`Stack::stop`], which removes the directory; says where they are.
    pub fn keep_logs(&self) -> Result<PathBuf, StackError> {
        self.directory.keep_logs()
    }

    /// Ends the parts in order, what asks before what answers, and removes the directory.
    pub async fn stop(mut self) -> Result<(), StackError> {
        mounts::thaw(self.directory.path());
        let status = self.status();
        for kind in PartKind::IN_ORDER_OF_END {
            let mut stops = JoinSet::new();
            for part in status.of_kind(kind) {
                let (supervisor, name) = (self.supervisor.clone(), part.name.clone());
                stops.spawn(async move { supervisor.act(&name, Action::Stop).await });
            }
            // What cannot be stopped is killed with its supervisor below.
            stops.join_all().await;
        }
        self.end()
    }

    /// Kills what still runs and removes the directory.
    fn end(&mut self) -> Result<(), StackError> {
        let Some(thread) = self.thread.take() else {
            return Ok(());
        };
        mounts::thaw(self.directory.path());
        self.control.abort();
        self.supervisor.end();
        // A panic of the supervisor was printed when it happened.
        let _ = thread.join();
        self.directory.remove()
    }

    pub(super) fn directory(&self) -> &StackDirectory {
        &self.directory
    }

    pub(super) fn ports(&self) -> &PortBlock {
        &self.ports
    }

    pub(super) fn servers(&self) -> Servers {
        servers(&self.status())
    }

    pub(super) async fn add(&self, spec: PartSpec) -> Result<(), StackError> {
        let login = (spec.kind == PartKind::Mysql).then(mysql::login);
        self.supervisor.add(spec, login).await
    }

    pub(super) async fn act(&self, part: &str, action: Action) -> Result<(), StackError> {
        self.supervisor.act(part, action).await
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            eprintln!("{error}");
        }
    }
}

/// The servers of a stack, as its programs take them.
pub(super) fn servers(status: &Status) -> Servers {
    let mysql = status.of_kind(PartKind::Mysql).next();
    let nginx: Vec<String> = status
        .of_kind(PartKind::Nginx)
        .filter_map(|part| Some(part.metrics?.to_string()))
        .collect();
    let tls = status.parts.iter().any(|part| part.tls.is_some());
    let authorities = tls.then(|| Certificates::of(&status.directory).certificate());
    Servers {
        authorities,
        redis: status.addresses(PartKind::Redis),
        kafka: status.addresses(PartKind::Kafka),
        mysql: mysql.map_or_else(String::new, |part| mysql::persister_url(part.address)),
        mysql_owner: mysql.map_or_else(String::new, |part| mysql::url(part.address)),
        nginx: nginx.join(","),
    }
}

fn programs(jars: &Path) -> BTreeMap<String, PathBuf> {
    let built = ["edge", "persister"].into_iter();
    built
        .filter_map(|name| Some((name.to_owned(), repository::program(name).ok()?)))
        .chain([("kafka_jars".to_owned(), jars.to_owned())])
        .collect()
}
