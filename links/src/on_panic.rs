//! What a panic does to a process.

use std::panic;
use std::process;

/// What [`OnPanic::parse`] takes.
pub const WANTED: &str = "'go_on' or 'abort', what a panic does to the process";

/// A panic is a fault in the program: one request, event or job breaks off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnPanic {
    /// All the others go on.
    GoOn,
    /// The process aborts once the panic is reported, so that tests cannot overlook it.
    Abort,
}

impl OnPanic {
    /// Reads `go_on` or `abort`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "go_on" => Some(Self::GoOn),
            "abort" => Some(Self::Abort),
            _ => None,
        }
    }

    /// From now on it is so, on all threads.
    pub fn install(self) {
        if self == Self::Abort {
            let report = panic::take_hook();
            panic::set_hook(Box::new(move |panicked| {
                report(panicked);
                process::abort();
            }));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::env;
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Command, Stdio};
    use std::thread;

    use super::*;

    /// Says to the test below that it is to panic.
    const PANICS: &str = "FIRSTCOME_TEST_PANICS";
    const SIGABRT: i32 = 6;

    /// It runs itself as a process of its own, once for each setting.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "how it knows that it is that process")]
    fn a_panic_ends_one_thread_or_the_process() {
        if let Ok(setting) = env::var(PANICS) {
            OnPanic::parse(&setting).unwrap().install();
            assert!(thread::spawn(|| panic!("on purpose")).join().is_err());
            return;
        }
        for (setting, signal) in [("go_on", None), ("abort", Some(SIGABRT))] {
            let name = "on_panic::tests::a_panic_ends_one_thread_or_the_process";
            let ended = Command::new(env::current_exe().unwrap())
                .args(["--exact", name])
                .env(PANICS, setting)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .unwrap();
            assert_eq!(ended.signal(), signal, "{setting}");
            assert_eq!(ended.success(), signal.is_none(), "{setting}");
        }
        assert_eq!(OnPanic::parse("unwind"), None);
    }
}
