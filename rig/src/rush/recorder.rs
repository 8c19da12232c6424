//! Writes a history: one thread behind a bounded queue. What is counted was written before.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::mpsc;

use super::answer::Answer;
use super::line::{Header, Line, Lost};
use super::live::Live;
use super::names::Names;
use super::operation::Operated;

/// Lines that may wait for the disk; beyond it, those who ask wait with them.
const QUEUE_LINES: usize = 8_192;
/// Lines written with one call.
const BATCH_LINES: usize = 1_024;

/// After a write, lines gather for so long: waking the thread for each of them would cost more than
/// writing it. At 40,000 lines a second the queue holds 40 times as many.
const GATHER: Duration = Duration::from_millis(5);

/// One line to be written, as those who ask know it.
#[derive(Debug)]
pub enum Entry {
    /// A request that is about to be sent.
    Asked {
        /// Its number.
        request: u64,
        /// When.
        at_us: u64,
        /// Which user.
        user: u32,
        /// Which of the user's keys; 0: none.
        attempt: u8,
    },
    /// An answer.
    Answered {
        /// The request that it answers.
        request: u64,
        /// When it had arrived.
        at_us: u64,
        /// How long that took.
        took_us: u64,
        /// What it says.
        answer: Answer,
    },
    /// A request without an answer.
    Lost {
        /// The request.
        request: u64,
        /// When it was given up.
        at_us: u64,
        /// Why.
        why: Lost,
    },
    /// What MySQL had.
    Persisted {
        /// When it had answered.
        at_us: u64,
        /// Rows of the event.
        rows: u64,
    },
    /// What an operator did.
    Operated(Operated),
}

/// The writing end of a history; every clone leads to the same file.
#[derive(Debug, Clone)]
pub struct Recorder {
    entries: mpsc::Sender<Entry>,
}

/// The thread that writes.
#[derive(Debug)]
pub struct Writer {
    thread: JoinHandle<io::Result<()>>,
}

/// The writer has ended; [`Writer::finish`] says why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the history is not being written any more")]
pub struct WriterGone;

impl Recorder {
    /// Hands an entry over; waits while the queue is full.
    pub async fn record(&self, entry: Entry) -> Result<(), WriterGone> {
        self.entries.send(entry).await.map_err(|_| WriterGone)
    }
}

impl Writer {
    /// Makes the file, with its header and the folder it is in, and starts to write.
    pub fn start(
        path: &Path,
        header: Header,
        names: Names,
        live: Arc<Live>,
    ) -> io::Result<(Self, Recorder)> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = File::create(path)?;
        writeln!(file, "{}", Line::Header(header))?;
        let (entries, queue) = mpsc::channel(QUEUE_LINES);
        let thread = thread::Builder::new()
            .name("history".to_owned())
            .spawn(move || write_all(file, queue, names, &live))?;
        Ok((Self { thread }, Recorder { entries }))
    }

    /// Waits until everything is on disk. Every [`Recorder`] must be gone, or this never ends.
    pub async fn finish(self) -> io::Result<()> {
        let joined = tokio::task::spawn_blocking(|| self.thread.join()).await;
        match joined {
            Ok(Ok(written)) => written,
            _ => Err(io::Error::other("the thread that writes the history died")),
        }
    }
}

fn write_all(
    mut file: File,
    mut queue: mpsc::Receiver<Entry>,
    names: Names,
    live: &Live,
) -> io::Result<()> {
    let mut batch = Vec::with_capacity(BATCH_LINES);
    let mut text = Vec::new();
    while queue.blocking_recv_many(&mut batch, BATCH_LINES) > 0 {
        text.clear();
        for entry in &batch {
            write_entry(&mut text, entry, names)?;
        }
        file.write_all(&text)?;
        live.count(&batch);
        batch.clear();
        thread::park_timeout(GATHER);
    }
    file.sync_data()
}

fn write_entry(text: &mut Vec<u8>, entry: &Entry, names: Names) -> io::Result<()> {
    match entry {
        Entry::Asked { request, at_us, user, attempt } => {
            let (user, key) = (names.user(*user), names.key(*user, *attempt));
            let line = Line::Asked {
                request: *request,
                at_us: *at_us,
                user: &user,
                attempt: key.as_deref(),
            };
            writeln!(text, "{line}")
        }
        Entry::Answered { request, at_us, answer, .. } => {
            let line = Line::Answered {
                request: *request,
                at_us: *at_us,
                status: answer.status,
                code: answer.code,
                coupons: answer.coupons.clone(),
            };
            writeln!(text, "{line}")
        }
        Entry::Lost { request, at_us, why } => {
            let line = Line::Lost { request: *request, at_us: *at_us, why: *why };
            writeln!(text, "{line}")
        }
        Entry::Persisted { at_us, rows } => {
            let line = Line::Persisted { at_us: *at_us, rows: *rows };
            writeln!(text, "{line}")
        }
        Entry::Operated(operated) => writeln!(text, "{}", Line::Operated(*operated)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rush::answer::SOLD_OUT;
    use crate::rush::line::Origin;

    #[tokio::test]
    async fn a_history_is_on_disk_when_it_is_finished() {
        let folder =
            std::env::temp_dir().join(format!("firstcome-recorder-{}", std::process::id()));
        let path = folder.join("deeper/history");
        let header = Header {
            event: "spring".parse().unwrap(),
            origin: Origin::Created,
            stock: 1,
            limit: 1,
            began_ms: 5,
        };
        let live = Arc::new(Live::new());
        let (writer, recorder) =
            Writer::start(&path, header, Names::new(1), Arc::clone(&live)).unwrap();
        let entries = [
            Entry::Asked { request: 1, at_us: 10, user: 3, attempt: 1 },
            Entry::Answered {
                request: 1,
                at_us: 20,
                took_us: 10,
                answer: Answer {
                    status: 409,
                    code: SOLD_OUT,
                    coupons: Vec::new(),
                    retry_after_ms: None,
                },
            },
        ];
        for entry in entries {
            recorder.record(entry).await.unwrap();
        }
        drop(recorder);
        writer.finish().await.unwrap();
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            "H\t1\tspring\tcreated\t1\t1\t5\n\
             Q\t1\t10\tr1-3\tk1-1-3\n\
             A\t1\t20\t409\tsold_out\t-\n"
        );
        assert_eq!(live.figures().sold_out, 1);
        fs::remove_dir_all(folder).unwrap();
    }
}
