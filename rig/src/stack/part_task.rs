//! One part's life: started, watched, started again when it dies by itself.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::process::Child;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use super::leftovers;
use super::part::{NextStart, PartSpec};
use super::spawn::spawn;
use super::status::{Board, PartState};
use super::supervisor::{Action, Order, Refusal, What};

/// A part that died is started again after this, and after twice as long each further time …
const BACKOFF_FIRST: Duration = Duration::from_millis(200);
/// … up to this.
const BACKOFF_MOST: Duration = Duration::from_secs(5);
/// One that lived this long begins with the first again.
const STABLE_AFTER: Duration = Duration::from_secs(10);

/// A part and how it stands.
pub(super) struct PartTask {
    spec: PartSpec,
    stack: PathBuf,
    board: Arc<Board>,
    state: State,
    deaths_in_a_row: u32,
    /// How the next starts differ from the usual ones.
    next: VecDeque<NextStart>,
}

enum State {
    Down,
    Running(Running),
    Restarting(Instant),
}

struct Running {
    child: Child,
    pid: Pid,
    since: Instant,
    way: Way,
}

/// How a process was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Usual,
    /// As a [`NextStart`] wants it: if it dies, that was meant.
    Once,
}

impl PartTask {
    pub(super) fn new(spec: PartSpec, stack: PathBuf, board: Arc<Board>) -> Self {
        Self { spec, stack, board, state: State::Down, deaths_in_a_row: 0, next: VecDeque::new() }
    }

    async fn obey(&mut self, what: What) -> Result<(), Refusal> {
        match what {
            What::Act(action) => self.act(action).await,
            What::NextStarts(next) => {
                self.next = next.into();
                Ok(())
            }
        }
    }

    async fn act(&mut self, action: Action) -> Result<(), Refusal> {
        match action {
            Action::Start => self.start(),
            Action::Stop => {
                self.stop().await;
                Ok(())
            }
            Action::Restart => {
                self.stop().await;
                self.start()
            }
            Action::Kill => {
                self.deaths_in_a_row = 0;
                self.signal(Signal::KILL)
            }
            Action::KillStayDown => {
                self.kill().await;
                Ok(())
            }
            Action::Pause => self.signal(Signal::STOP),
            Action::Resume => self.signal(Signal::CONT),
        }
    }

    fn start(&mut self) -> Result<(), Refusal> {
        if matches!(self.state, State::Running(_)) {
            return Ok(());
        }
        let once = self.next.pop_front().map(|next| self.spec.once(next));
        let spec = once.as_ref().unwrap_or(&self.spec);
        let (child, pid) = spawn(spec).map_err(|error| self.cannot_start(&error))?;
        if let Err(error) = leftovers::note(&self.stack, pid) {
            eprintln!("{}: {error}", self.stack.display());
        }
        let way = if once.is_some() { Way::Once } else { Way::Usual };
        self.state = State::Running(Running { child, pid, since: Instant::now(), way });
        self.show(PartState::Running);
        Ok(())
    }

    fn cannot_start(&self, error: &io::Error) -> Refusal {
        let program = self.spec.program.display();
        Refusal(match error.kind() {
            io::ErrorKind::NotFound => format!("{program} is not installed; ./dev installs it"),
            _ => format!("cannot start {program}: {error}"),
        })
    }

    /// To the whole group: NGINX's workers stop with their master.
    fn signal(&mut self, signal: Signal) -> Result<(), Refusal> {
        let State::Running(running) = &self.state else {
            return Err(Refusal("is down".to_owned()));
        };
        kill_process_group(running.pid, signal).map_err(|error| Refusal(error.to_string()))?;
        match signal {
            Signal::STOP => self.show(PartState::Paused),
            Signal::CONT => self.show(PartState::Running),
            _ => {}
        }
        Ok(())
    }

    /// Asks the part to end, and kills it when it takes too long.
    async fn stop(&mut self) {
        if let State::Running(running) = &mut self.state {
            // A stopped process would see the SIGTERM only when it goes on.
            let _ = kill_process_group(running.pid, Signal::CONT);
            let _ = kill_process(running.pid, Signal::TERM);
            let _ = timeout(self.spec.end_within, running.child.wait()).await;
        }
        self.kill().await;
    }

    async fn kill(&mut self) {
        if let State::Running(running) = &mut self.state {
            end_group(running.pid);
            let _ = running.child.wait().await;
        }
        self.state = State::Down;
        self.deaths_in_a_row = 0;
        self.show(PartState::Down);
    }

    /// The process ended although nobody asked it to.
    fn died(&mut self, how: &io::Result<ExitStatus>) {
        let State::Running(running) = &self.state else {
            return;
        };
        end_group(running.pid);
        if running.since.elapsed() >= STABLE_AFTER || running.way == Way::Once {
            self.deaths_in_a_row = 0;
        }
        let wait = backoff(self.deaths_in_a_row);
        self.deaths_in_a_row += 1;
        let how = how.as_ref().map_or_else(io::Error::to_string, ExitStatus::to_string);
        eprintln!("{} ended ({how}); starting it again in {wait:?}", self.spec.name);
        self.state = State::Restarting(Instant::now() + wait);
        self.show(PartState::Restarting);
    }

    fn start_again(&mut self) {
        if let Err(why) = self.start() {
            eprintln!("{}: {why}", self.spec.name);
            self.state = State::Restarting(Instant::now() + BACKOFF_MOST);
        }
    }

    fn show(&self, state: PartState) {
        let pid = match &self.state {
            State::Running(running) => u32::try_from(running.pid.as_raw_nonzero().get()).ok(),
            State::Down | State::Restarting(_) => None,
        };
        self.board.change(&self.spec.name, pid, state);
    }
}

/// What is left of a group whose first process has ended, NGINX's workers for instance.
fn end_group(group: Pid) {
    let _ = kill_process_group(group, Signal::KILL);
}

fn backoff(deaths_in_a_row: u32) -> Duration {
    BACKOFF_FIRST.saturating_mul(2_u32.saturating_pow(deaths_in_a_row)).min(BACKOFF_MOST)
}

/// Waits for what happens next to a part: its death, or the time to start it again.
async fn next(state: &mut State) -> Option<io::Result<ExitStatus>> {
    match state {
        State::Down => std::future::pending().await,
        State::Running(running) => Some(running.child.wait().await),
        State::Restarting(when) => {
            sleep_until(*when).await;
            None
        }
    }
}

/// Runs the part until the supervisor closes the channel; then it is killed.
pub(super) async fn run(mut task: PartTask, mut orders: mpsc::Receiver<Order>) {
    loop {
        tokio::select! {
            order = orders.recv() => match order {
                Some(Order { what, done }) => {
                    let result = task.obey(what).await;
                    let _ = done.send(result);
                }
                None => break,
            },
            happened = next(&mut task.state) => match happened {
                Some(how) => task.died(&how),
                None => task.start_again(),
            },
        }
    }
    task.kill().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_backoff_grows_to_its_bound() {
        assert_eq!(backoff(0), Duration::from_millis(200));
        assert_eq!(backoff(1), Duration::from_millis(400));
        assert_eq!(backoff(6), BACKOFF_MOST);
        assert_eq!(backoff(200), BACKOFF_MOST);
    }
}
