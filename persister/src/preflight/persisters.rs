//! The persisters, by what each of them says every two seconds: which there are, whether somebody
//! stands by, and whether they and this build understand each other.

use super::build::Build;
use super::line::Line;
use crate::store::persisters::{LIVE_FOR_S, Running};
use crate::store::{Session, StoreError};

const PERSISTERS: &str = "persisters";

/// Names those that run.
pub(super) async fn look(session: &mut Session) -> Result<Vec<Line>, StoreError> {
    let formats = contract::formats();
    let ours = Build { version: env!("CARGO_PKG_VERSION"), formats: &formats };
    Ok(judge(&session.persisters().await?, ours))
}

fn judge(running: &[Running], ours: Build<'_>) -> Vec<Line> {
    let build = |it: &Running| {
        Build { version: &it.version, formats: &it.formats }.judge(PERSISTERS, &it.name, ours)
    };
    let mut lines: Vec<Line> = running.iter().map(build).collect();
    match running {
        [] => {
            let says = format!("none has said that it runs for {LIVE_FOR_S} s: start two");
            lines.push(Line::to_do(PERSISTERS, "", says));
        }
        [only] => {
            let says = format!("nobody stands by for {}: start another one", only.name);
            lines.push(Line::to_do(PERSISTERS, "", says));
        }
        _ => {}
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::line::{Verdict, verdicts};
    use super::*;

    const OURS: Build<'_> = Build { version: "1.2.0", formats: "claim 1" };

    fn running(name: &str, version: &str, formats: &str) -> Running {
        let [name, version, formats] = [name, version, formats].map(str::to_owned);
        Running { name, version, formats }
    }

    fn judged(running: &[Running]) -> Vec<Verdict> {
        verdicts(&judge(running, OURS))
    }

    #[test]
    fn somebody_stands_by_and_all_understand_each_other() {
        let first = || running("persister-1", "1.2.0", "claim 1");
        let second = |version, formats| running("persister-2", version, formats);
        let two = |second| judged(&[first(), second]);
        assert_eq!(two(second("1.2.0", "claim 1")), [Verdict::Ok, Verdict::Ok]);
        assert_eq!(two(second("1.1.0", "claim 1")), [Verdict::Ok, Verdict::Warning]);
        assert_eq!(two(second("1.2.0", "claim 2")), [Verdict::Ok, Verdict::ToDo]);
        assert_eq!(judged(&[first()]), [Verdict::Ok, Verdict::ToDo], "nobody stands by");
        assert_eq!(judged(&[]), [Verdict::ToDo]);
    }
}
