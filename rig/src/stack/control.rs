//! The socket through which other processes command the parts of a running stack: one request and
//! one reply a connection, each a line of JSON.

use std::io;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use super::error::StackError;
use super::part::NextStart;
use super::supervisor::{Action, Supervisor, What};

/// The socket's name in the stack's directory.
const SOCKET: &str = "control";
/// Connections served at once; others wait in the socket's backlog.
const CONNECTIONS: usize = 32;
/// A request or reply is far shorter.
const LINE_MOST: u64 = 4096;
/// To send a request, once connected.
const REQUEST_WITHIN: Duration = Duration::from_secs(5);
/// An action takes as long as its part takes to end: 20 s at most, for MySQL.
const ACTION_WITHIN: Duration = Duration::from_secs(60);

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    /// Do something with a part.
    Part { name: String, action: Action },
    /// How a part's next starts differ from its usual ones.
    NextStarts { name: String, next: Vec<NextStart> },
    /// End the stack. The reply comes at once; the end takes longer.
    Shutdown,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reply {
    Done,
    Refused(String),
}

/// Serves the socket. The receiver turns true when somebody asks the stack to end.
pub(super) fn serve(
    stack: &Path,
    supervisor: Supervisor,
) -> Result<(JoinHandle<()>, watch::Receiver<bool>), StackError> {
    let path = stack.join(SOCKET);
    let listener = UnixListener::bind(&path)
        .map_err(StackError::io(format!("listen on {}", path.display())))?;
    let (asked, shutdown) = watch::channel(false);
    let task = tokio::spawn(accept(listener, supervisor, asked));
    Ok((task, shutdown))
}

async fn accept(listener: UnixListener, supervisor: Supervisor, shutdown: watch::Sender<bool>) {
    let mut connections = JoinSet::new();
    loop {
        if connections.len() >= CONNECTIONS {
            let _ = connections.join_next().await;
        }
        match listener.accept().await {
            Ok((stream, _)) => {
                let (supervisor, shutdown) = (supervisor.clone(), shutdown.clone());
                connections.spawn(async move {
                    // A caller that went away needs no reply.
                    let _ = answer(stream, &supervisor, &shutdown).await;
                });
            }
            Err(error) => {
                eprintln!("control socket: {error}");
                return;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn answer(
    mut stream: UnixStream,
    supervisor: &Supervisor,
    shutdown: &watch::Sender<bool>,
) -> io::Result<()> {
    let request = timeout(REQUEST_WITHIN, read_line(&mut stream)).await??;
    let reply = match serde_json::from_str(&request) {
        Ok(Request::Part { name, action }) => done(supervisor.act(&name, action).await),
        Ok(Request::NextStarts { name, next }) => {
            done(supervisor.tell(&name, What::NextStarts(next)).await)
        }
        Ok(Request::Shutdown) => {
            let _ = shutdown.send(true);
            Reply::Done
        }
        Err(error) => Reply::Refused(error.to_string()),
    };
    write_line(&mut stream, &reply).await
}

fn done(result: Result<(), StackError>) -> Reply {
    result.map_or_else(|error| Reply::Refused(error.to_string()), |()| Reply::Done)
}

/// Tells the rig that runs the stack how a part's next starts differ from its usual ones.
pub(super) async fn next_starts(
    stack: &Path,
    part: &str,
    next: Vec<NextStart>,
) -> Result<(), StackError> {
    let request = Request::NextStarts { name: part.to_owned(), next };
    call(stack, &request, part).await
}

/// Asks the rig that runs the stack to do something with a part; returns when it is done.
pub(super) async fn act(stack: &Path, part: &str, action: Action) -> Result<(), StackError> {
    let request = Request::Part { name: part.to_owned(), action };
    call(stack, &request, part).await
}

/// Asks the rig that runs the stack to end it; returns when it has heard.
pub(super) async fn shut_down(stack: &Path) -> Result<(), StackError> {
    call(stack, &Request::Shutdown, "the stack").await
}

async fn call(stack: &Path, request: &Request, whom: &str) -> Result<(), StackError> {
    let path = stack.join(SOCKET);
    let exchange = async {
        let mut stream = UnixStream::connect(&path).await?;
        write_line(&mut stream, request).await?;
        read_line(&mut stream).await
    };
    let reply = timeout(ACTION_WITHIN, exchange)
        .await
        .unwrap_or_else(|late| Err(late.into()))
        .map_err(StackError::io(format!("ask {}", path.display())))?;
    match serde_json::from_str(&reply) {
        Ok(Reply::Done) => Ok(()),
        Ok(Reply::Refused(why)) => Err(StackError::Refused { part: whom.to_owned(), why }),
        Err(error) => Err(StackError::Unreadable {
            what: format!("the reply of {}", path.display()),
            why: error.to_string(),
        }),
    }
}

async fn read_line(stream: &mut UnixStream) -> io::Result<String> {
    let mut line = String::new();
    BufReader::new(stream.take(LINE_MOST)).read_line(&mut line).await?;
    Ok(line)
}

async fn write_line(stream: &mut UnixStream, value: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    stream.write_all(&line).await
}
