//! The schema: `sql/`, applied in order, each file once.

use std::time::Duration;

use contract::topics::{COUPON_ISSUED, COUPON_ISSUED_PARTITIONS};

use super::error::StoreError;
use super::session::Session;
use super::sql;

/// A file of `sql/`.
struct Migration {
    version: u32,
    name: &'static str,
    text: &'static str,
}

/// All files of `sql/`, in order.
const MIGRATIONS: [Migration; 12] = [
    migration(1, "0001_schema", include_str!("../../../sql/0001_schema.sql")),
    migration(2, "0002_reconcile", include_str!("../../../sql/0002_reconcile.sql")),
    migration(3, "0003_coupon_changes", include_str!("../../../sql/0003_coupon_changes.sql")),
    migration(4, "0004_audit", include_str!("../../../sql/0004_audit.sql")),
    migration(5, "0005_labels", include_str!("../../../sql/0005_labels.sql")),
    migration(6, "0006_desk", include_str!("../../../sql/0006_desk.sql")),
    migration(7, "0007_request_ids", include_str!("../../../sql/0007_request_ids.sql")),
    migration(8, "0008_reconcile_history", include_str!("../../../sql/0008_reconcile_history.sql")),
    migration(10, "0010_erasures", include_str!("../../../sql/0010_erasures.sql")),
    migration(11, "0011_desk", include_str!("../../../sql/0011_desk.sql")),
    migration(12, "0012_persisters", include_str!("../../../sql/0012_persisters.sql")),
    migration(13, "0013_erasures", include_str!("../../../sql/0013_erasures.sql")),
];

const fn migration(version: u32, name: &'static str, text: &'static str) -> Migration {
    Migration { version, name, text }
}

/// For one statement: a change of a large table takes minutes.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(600);
/// For another `migrate` to end.
const LOCK_WAIT_S: u32 = 4;

/// What `migrate` did.
#[derive(Debug, PartialEq, Eq)]
pub enum Migrated {
    /// The names of the files that it applied; none: all had been.
    Applied(Vec<&'static str>),
    /// Another process holds the lock.
    Busy,
    /// The database has a version that this build does not know.
    Newer(u32),
}

impl Session {
    /// Applies what is missing and adds the partitions' rows. Can be repeated after any failure.
    pub async fn migrate(&mut self) -> Result<Migrated, StoreError> {
        let locked: Option<i64> = self.row(sql::LOCK_MIGRATIONS, (LOCK_WAIT_S,)).await?;
        if locked != Some(1) {
            return Ok(Migrated::Busy);
        }
        self.change(sql::CREATE_MIGRATIONS, ()).await?;
        let applied: Vec<u32> = self.rows(sql::MIGRATIONS, ()).await?;
        if let Some(newer) = newer_than_known(&applied) {
            return Ok(Migrated::Newer(newer));
        }
        let mut names = Vec::new();
        for migration in MIGRATIONS.iter().filter(|m| !applied.contains(&m.version)) {
            self.apply(migration).await?;
            names.push(migration.name);
        }
        for part in 0..COUPON_ISSUED_PARTITIONS {
            self.change(sql::ADD_PARTITION, (COUPON_ISSUED, part)).await?;
        }
        self.row::<i64>(sql::UNLOCK_MIGRATIONS, ()).await?;
        Ok(Migrated::Applied(names))
    }

    async fn apply(&mut self, migration: &Migration) -> Result<(), StoreError> {
        for statement in statements(migration.text) {
            self.plain(&statement, STATEMENT_TIMEOUT).await?;
        }
        self.change(sql::NOTE_MIGRATION, (migration.version, migration.name)).await?;
        Ok(())
    }

    /// Fails unless the database has exactly the schema of this build.
    pub async fn check_schema(&mut self) -> Result<(), StoreError> {
        let applied: Vec<u32> = self.rows(sql::MIGRATIONS, ()).await?;
        if let Some(newer) = newer_than_known(&applied) {
            let text = format!("the schema has version {newer}: this build is older, update it");
            return Err(StoreError::Schema(text));
        }
        match MIGRATIONS.iter().find(|m| !applied.contains(&m.version)) {
            Some(missing) => Err(StoreError::Schema(format!(
                "the schema lacks {}: run `persister migrate`",
                missing.name
            ))),
            None => Ok(()),
        }
    }
}

fn newer_than_known(applied: &[u32]) -> Option<u32> {
    let known = MIGRATIONS.iter().map(|m| m.version).max().unwrap_or(0);
    applied.iter().copied().max().filter(|&newest| newest > known)
}

/// The statements of a file: each ends with `;` at the end of a line; lines of comment are left
/// out.
fn statements(text: &str) -> Vec<String> {
    let code: Vec<&str> =
        text.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
    code.join("\n")
        .split(";\n")
        .map(|statement| statement.trim().trim_end_matches(';').to_owned())
        .filter(|statement| !statement.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_split_into_statements() {
        let text = "-- one; two;\nCREATE a (\n  -- ; here\n  b\n);\n\nCREATE c;";
        assert_eq!(statements(text), ["CREATE a (\n  b\n)", "CREATE c"]);
    }

    #[test]
    fn every_file_has_its_own_version_in_order() {
        let versions: Vec<u32> = MIGRATIONS.iter().map(|m| m.version).collect();
        assert!(versions.is_sorted_by(|a, b| a < b), "{versions:?}");
        for migration in &MIGRATIONS {
            let number = format!("{:04}_", migration.version);
            assert!(migration.name.starts_with(&number), "{}", migration.name);
            assert!(!statements(migration.text).is_empty());
        }
    }

    #[test]
    fn a_newer_database_is_noticed() {
        assert_eq!(newer_than_known(&[]), None);
        assert_eq!(newer_than_known(&[1, 2]), None);
        assert_eq!(newer_than_known(&[1, 2, 99]), Some(99));
    }
}
