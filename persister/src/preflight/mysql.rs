//! MySQL: the schema, durable commits, and whether somebody leads.

use contract::topics::COUPON_ISSUED_PARTITIONS;

use super::line::{Line, Verdict};
use super::persisters;
use crate::store::leases::Lease;
use crate::store::preflight::Server;
use crate::store::{Session, StoreError};

const SCHEMA: &str = "mysql schema";
const DURABLE: &str = "mysql commits";
const LEADER: &str = "leader";

/// Asks MySQL.
pub(super) async fn look(session: &mut Session) -> Result<Vec<Line>, StoreError> {
    let schema = match session.check_schema().await {
        Ok(()) => Line::ok(SCHEMA, "", "every migration of this build is applied, and no other"),
        Err(StoreError::Schema(text)) => Line::to_do(SCHEMA, "", text),
        Err(error) => return Err(error),
    };
    let migrated = schema.verdict == Verdict::Ok;
    let durable = judge_server(&session.server().await?);
    let mut lines = vec![schema, durable, judge_leases(&session.leases().await?)];
    // Without its table that question has no answer; the schema's line says what to do.
    if migrated {
        lines.extend(persisters::look(session).await?);
    }
    Ok(lines)
}

fn judge_server(server: &Server) -> Line {
    let Server { version, flush_at_commit, sync_binlog } = server;
    if (*flush_at_commit, *sync_binlog) == (1, 1) {
        return Line::ok(DURABLE, "", format_args!("last; {version}"));
    }
    let says = format!(
        "innodb_flush_log_at_trx_commit is {flush_at_commit} and sync_binlog {sync_binlog}: 1 and 1, \
         as ops/mysql/my.cnf has them, or a crash of the machine takes rows with it"
    );
    Line::to_do(DURABLE, "", says)
}

fn judge_leases(leases: &[Lease]) -> Line {
    if i32::try_from(leases.len()) != Ok(COUPON_ISSUED_PARTITIONS) {
        return Line::to_do(LEADER, "", "the partitions have no rows: run `persister migrate`");
    }
    let mut owners: Vec<&str> =
        leases.iter().filter(|lease| lease.live).map(|lease| lease.owner.as_str()).collect();
    let held = owners.len();
    owners.dedup();
    match owners.as_slice() {
        [owner] if held == leases.len() && !owner.is_empty() => {
            let name = owner.rsplit_once('/').map_or(*owner, |(name, _)| name);
            Line::ok(LEADER, "", format_args!("{name} leads and holds every partition"))
        }
        _ => Line::to_do(
            LEADER,
            "",
            format_args!("{held} of {} partitions are held: start a persister", leases.len()),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leases(owner: &str, live: bool) -> Vec<Lease> {
        let lease = |part| Lease { part, next_offset: 0, owner: owner.to_owned(), live };
        (0..COUPON_ISSUED_PARTITIONS).map(lease).collect()
    }

    #[test]
    fn one_holds_all_partitions() {
        let held = judge_leases(&leases("persister-1/ab", true));
        assert_eq!((held.verdict, held.says.starts_with("persister-1 leads")), (Verdict::Ok, true));
        assert_eq!(judge_leases(&leases("persister-1/ab", false)).verdict, Verdict::ToDo);
        assert_eq!(judge_leases(&leases("", true)).verdict, Verdict::ToDo);
        assert_eq!(judge_leases(&leases("persister-1/ab", true)[1..]).verdict, Verdict::ToDo);
        let mut two = leases("persister-1/ab", true);
        two[11].owner = "persister-2/cd".to_owned();
        assert_eq!(judge_leases(&two).verdict, Verdict::ToDo);
    }

    #[test]
    fn commits_last_or_are_to_be_made_to() {
        let server = |flush_at_commit, sync_binlog| Server {
            version: "10.11".to_owned(),
            flush_at_commit,
            sync_binlog,
        };
        assert_eq!(judge_server(&server(1, 1)).verdict, Verdict::Ok);
        assert_eq!(judge_server(&server(2, 1)).verdict, Verdict::ToDo);
        assert_eq!(judge_server(&server(1, 0)).verdict, Verdict::ToDo);
    }
}
