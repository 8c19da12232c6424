//! What a node says of itself: its INFO, its settings, its clock. For whoever looks a system over;
//! no claim comes here.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::cluster::Cluster;
use super::error::RedisError;
use super::reply::Reply;

/// A node's settings by their names, as CONFIG GET says them.
pub type Settings = BTreeMap<String, String>;

/// Sections of a node's INFO.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Info(BTreeMap<String, String>);

/// A replica, as its master sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Follower {
    /// Where it listens.
    pub address: SocketAddr,
    /// Whether it has a whole copy and is sent what comes.
    pub online: bool,
    /// The part of the stream that it has acknowledged, in bytes.
    pub offset: u64,
    /// Seconds since it acknowledged last; it does so every second.
    pub lag_s: u64,
}

impl Info {
    /// Reads the answer to INFO.
    pub fn parse(text: &str) -> Self {
        let field = |line: &str| {
            let (name, value) = line.trim_end().split_once(':')?;
            Some((name.to_owned(), value.to_owned()))
        };
        Self(text.lines().filter_map(field).collect())
    }

    /// A field.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A field that is a number.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.get(name)?.parse().ok()
    }

    /// The replicas of a master; those whose address is no number are left out.
    pub fn followers(&self) -> Vec<Follower> {
        let slave = |(name, value): (&String, &String)| {
            let number = name.strip_prefix("slave")?;
            number.parse::<u32>().ok()?;
            parse_follower(value)
        };
        self.0.iter().filter_map(slave).collect()
    }
}

/// `ip=127.0.0.1,port=7003,state=online,offset=42,lag=0`
fn parse_follower(text: &str) -> Option<Follower> {
    let field = |name: &str| {
        let mut pairs = text.split(',').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
    };
    Some(Follower {
        address: SocketAddr::new(field("ip")?.parse().ok()?, field("port")?.parse().ok()?),
        online: field("state")? == "online",
        offset: field("offset")?.parse().ok()?,
        lag_s: field("lag")?.parse().ok()?,
    })
}

impl Cluster {
    /// Sections of a node's INFO, such as `memory`.
    pub async fn info_of(&self, node: SocketAddr, sections: &[&str]) -> Result<Info, RedisError> {
        let reply = self.command_at(node, "INFO", sections).await?;
        reply.text().map(Info::parse).ok_or_else(|| unreadable("an INFO"))
    }

    /// Some of a node's settings; one that it does not know is left out.
    pub async fn settings_of(
        &self,
        node: SocketAddr,
        names: &[&str],
    ) -> Result<Settings, RedisError> {
        let args = [&["GET"], names].concat();
        let reply = self.command_at(node, "CONFIG", &args).await?;
        read_settings(&reply).ok_or_else(|| unreadable("settings"))
    }

    /// Unix milliseconds on a node's clock.
    pub async fn clock_of(&self, node: SocketAddr) -> Result<u64, RedisError> {
        let reply = self.command_at(node, "TIME", &[]).await?;
        read_time(&reply).ok_or_else(|| unreadable("a time"))
    }
}

fn read_settings(reply: &Reply) -> Option<Settings> {
    let pair = |pair: &[Reply]| Some((pair[0].text()?.to_owned(), pair[1].text()?.to_owned()));
    reply.items()?.chunks_exact(2).map(pair).collect()
}

/// What TIME answers, in Unix milliseconds.
pub(super) fn read_time(reply: &Reply) -> Option<u64> {
    let [seconds, micros] = reply.items()? else {
        return None;
    };
    let number = |reply: &Reply| u64::try_from(reply.integer()?).ok();
    Some(number(seconds)? * 1_000 + number(micros)? / 1_000)
}

fn unreadable(what: &str) -> RedisError {
    RedisError::Unknown(format!("the answer is not {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Reply {
        Reply::Text(text.to_owned().into())
    }

    #[test]
    fn a_master_names_its_replicas() {
        let info = Info::parse(
            "# Replication\r\nrole:master\r\nconnected_slaves:2\r\n\
             slave0:ip=127.0.0.1,port=7003,state=online,offset=42,lag=1\r\n\
             slave1:ip=redis-6,port=7004,state=wait_bgsave,offset=0,lag=0\r\n\
             master_repl_offset:50\r\n",
        );
        assert_eq!(
            (info.get("role"), info.number("master_repl_offset")),
            (Some("master"), Some(50))
        );
        let address = "127.0.0.1:7003".parse().unwrap();
        assert_eq!(info.followers(), [Follower { address, online: true, offset: 42, lag_s: 1 }]);
    }

    #[test]
    fn settings_and_times_are_read() {
        let reply = Reply::Array(vec![text("appendonly"), text("yes"), text("save"), text("")]);
        let settings = read_settings(&reply).unwrap();
        assert_eq!((settings["appendonly"].as_str(), settings["save"].as_str()), ("yes", ""));
        assert_eq!(read_settings(&Reply::Nil), None);
        let time = Reply::Array(vec![text("1700000000"), text("123456")]);
        assert_eq!(read_time(&time), Some(1_700_000_000_123));
        assert_eq!(read_time(&Reply::Array(Vec::new())), None);
    }
}
