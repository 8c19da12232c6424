//! What MySQL says of itself, for whoever looks a system over before a sale.

use super::error::StoreError;
use super::session::Session;
use super::sql;

/// How the server is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// As it names itself.
    pub version: String,
    /// `innodb_flush_log_at_trx_commit`; 1: a commit is on disk.
    pub flush_at_commit: i64,
    /// `sync_binlog`; 1: its binary log is, too.
    pub sync_binlog: i64,
}

/// What SHOW answered: names and values.
struct Named(Vec<(String, String)>);

impl Named {
    fn get(&self, name: &str) -> Option<&str> {
        let mut rows = self.0.iter();
        rows.find_map(|(key, value)| key.eq_ignore_ascii_case(name).then_some(value.as_str()))
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.get(name)?.parse().ok()
    }
}

/// MariaDB counts all replicas. MySQL counts those that acknowledge commits, so where they are not
/// asked to, none that does is not none at all.
fn replicas(status: &Named, settings: &Named) -> Option<u64> {
    if let Some(all) = status.number("Slaves_connected") {
        return Some(all);
    }
    let acknowledging = |word| {
        let count = status.number(&format!("Rpl_semi_sync_{word}_clients"))?;
        let asked = settings.get(&format!("rpl_semi_sync_{word}_enabled")) == Some("ON");
        (asked || count > 0).then_some(count)
    };
    // Before 8.0.26 a source was a master.
    acknowledging("source").or_else(|| acknowledging("master"))
}

impl Session {
    /// How the server is set.
    pub async fn server(&mut self) -> Result<Server, StoreError> {
        let row: Option<(String, i64, i64)> = self.row(sql::SERVER, ()).await?;
        let (version, flush_at_commit, sync_binlog) = row.unwrap_or_default();
        Ok(Server { version, flush_at_commit, sync_binlog })
    }

    /// How many replicas follow the server; None where it does not say so to a user without
    /// privileges.
    pub async fn replicas_connected(&mut self) -> Result<Option<u64>, StoreError> {
        let status = self.rows(sql::REPLICAS_CONNECTED, ()).await?;
        let settings = self.rows(sql::SEMI_SYNC, ()).await?;
        Ok(replicas(&Named(status), &Named(settings)))
    }

    /// Unix milliseconds on the server's clock.
    pub async fn clock_ms(&mut self) -> Result<u64, StoreError> {
        Ok(self.row(sql::CLOCK, ()).await?.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(rows: &[(&str, &str)]) -> Named {
        Named(rows.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    #[test]
    fn a_server_that_does_not_say_how_many_replicas_it_has_has_no_number_of_them() {
        let none = named(&[]);
        assert_eq!(replicas(&none, &none), None, "MySQL without semi-sync");
        let (idle, off) = (("Rpl_semi_sync_source_clients", "0"), "rpl_semi_sync_source_enabled");
        assert_eq!(replicas(&named(&[idle]), &named(&[(off, "OFF")])), None, "it is off");
        assert_eq!(replicas(&named(&[idle]), &none), None);
        assert_eq!(replicas(&named(&[("Slaves_connected", "")]), &none), None);
    }

    #[test]
    fn replicas_are_counted_as_mysql_and_mariadb_say_it() {
        let none = named(&[]);
        for word in ["source", "master"] {
            let (clients, enabled) =
                (format!("Rpl_semi_sync_{word}_clients"), format!("rpl_semi_sync_{word}_enabled"));
            let on = named(&[(&enabled, "ON")]);
            assert_eq!(replicas(&named(&[(&clients, "2")]), &on), Some(2), "{word}");
            assert_eq!(replicas(&named(&[(&clients, "0")]), &on), Some(0), "{word}: it fell");
            assert_eq!(replicas(&named(&[(&clients, "1")]), &none), Some(1), "{word}");
        }
        let mariadb = named(&[("Slaves_connected", "1"), ("Rpl_semi_sync_master_clients", "0")]);
        assert_eq!(replicas(&mariadb, &named(&[("rpl_semi_sync_master_enabled", "OFF")])), Some(1));
        let alone = named(&[("Slaves_connected", "0"), ("Rpl_semi_sync_master_clients", "0")]);
        assert_eq!(replicas(&alone, &none), Some(0), "it says that there is none");
    }
}
