//! What the environment says, read once. Every name and default stands here.

use std::fs::File;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::time::Duration;

use links::redis::RedisConfig;

use crate::admin::tokens::Tokens;
use crate::reconcile::{Mode, Setting};
use crate::store::DatabaseUrl;

/// What every subcommand is told from outside.
pub struct Config {
    /// `FIRSTCOME_MYSQL`: `mysql://user:password@host:port/database`. Required.
    pub mysql: DatabaseUrl,
    /// How lines of the log look.
    pub log: LogConfig,
}

/// What `run` is told besides.
pub struct RunConfig {
    /// `FIRSTCOME_NAME`: names this process; one that begins again under its name takes its own
    /// lease back at once.
    pub name: String,
    /// `FIRSTCOME_REDIS` and `FIRSTCOME_REDIS_REPLICAS`. The first is required.
    pub redis: RedisConfig,
    /// `FIRSTCOME_KAFKA`: brokers. Required.
    pub kafka_brokers: Vec<String>,
    /// `FIRSTCOME_METRICS_LISTEN`: the private address. Default `127.0.0.1:9090`.
    pub metrics_listen: SocketAddr,
    /// `FIRSTCOME_NGINX`: the private port of each NGINX, for a look before a sale. Default: none.
    pub nginx: Vec<String>,
    /// The admin API; None: this process does not serve it.
    pub admin: Option<AdminConfig>,
    /// `FIRSTCOME_RECONCILE_EVERY_S` and `FIRSTCOME_RECONCILE_MODE`: when the leader reconciles by
    /// itself, and what it may do. Defaults `3600` (0: never) and `report`.
    pub reconcile: Option<Setting>,
    /// `FIRSTCOME_FAILPOINT`: what a test does to this process, and where. Default: nothing.
    #[cfg(feature = "failpoints")]
    pub failpoints: links::failpoint::Failpoints,
}

/// The admin API.
pub struct AdminConfig {
    /// `FIRSTCOME_ADMIN_LISTEN`: its address. Default: it is not served.
    pub listen: SocketAddr,
    /// `FIRSTCOME_ADMIN_TOKENS`, or the file that `FIRSTCOME_ADMIN_TOKENS_FILE` names: who may use
    /// it. One of them is required where it is served.
    pub tokens: Tokens,
    /// `FIRSTCOME_EDGES`: private addresses of the edges, whose metrics the console shows. Default:
    /// none, and it says nothing of claims.
    pub edges: Vec<String>,
}

/// The log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// `FIRSTCOME_LOG`: a filter of tracing's. Default `info`.
    pub filter: String,
    /// `FIRSTCOME_LOG_FORMAT`: `json` or `pretty`. Default `json`.
    pub format: LogFormat,
}

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line, for machines.
    Json,
    /// For people.
    Pretty,
}

/// A variable that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} {problem}; it wants {wanted}")]
pub struct BadConfig {
    /// The variable.
    pub name: &'static str,
    /// What was read.
    pub problem: String,
    /// What it takes.
    pub wanted: &'static str,
}

const MYSQL: &str = "FIRSTCOME_MYSQL";
const WANTS_MYSQL: &str = "mysql://user:password@host:port/database";
const WANTS_NAME: &str = "1 to 90 visible ASCII characters without '/', such as persister-1";
const WANTS_ADDRESS: &str = "an address and a port, such as 127.0.0.1:9090";
const WANTS_HOSTS: &str =
    "a comma-separated list of host:port, such as 10.0.0.1:6379,10.0.0.2:6379";
const WANTS_FRONT: &str = "a comma-separated list of host:port, where each NGINX has its private \
    port, or nothing";
const WANTS_EDGES: &str =
    "a comma-separated list of the edges' private host:port, such as 10.0.0.1:9080,10.0.0.2:9080";
const WANTS_REPLICAS: &str = "a whole number from 1 to 5, the replicas that each master has";
const WANTS_FILTER: &str = "a level or a filter, such as info or persister=debug";
const WANTS_TOKENS: &str = "NAME:ROLE:TOKEN,..., each name and token once, tokens of at least 24 \
    letters (openssl rand -hex 24), roles viewer and operator";
const WANTS_TOKENS_FILE: &str = "a file with NAME:ROLE:TOKEN a line, as FIRSTCOME_ADMIN_TOKENS \
    takes them, of 64 KiB at most";
const WANTS_FORMAT: &str = "'json' or 'pretty'";

const WANTS_EVERY: &str = "0 (never), or seconds from 10 to 604800";
const WANTS_MODE: &str = "'report' or 'repair'";

/// Seconds from one run of reconcile by itself to the next.
const RECONCILE_EVERY_S: std::ops::RangeInclusive<u64> = 10..=604_800;
/// The most replicas of a master.
const MAX_REPLICAS: u32 = 5;
/// The most bytes of a file of tokens.
const MAX_TOKENS_BYTES: u64 = 64 * 1024;
/// The longest name: with its token it becomes the owner of a lease, `VARCHAR(128)`.
const MAX_NAME_BYTES: usize = 90;

impl Config {
    /// What this process's environment says to every subcommand.
    pub fn from_env() -> Result<Self, BadConfig> {
        Self::read(&env)
    }

    fn read(get: &impl Fn(&str) -> Option<String>) -> Result<Self, BadConfig> {
        Ok(Self {
            mysql: mysql(get)?,
            log: LogConfig {
                filter: read(get, "FIRSTCOME_LOG", Some("info"), WANTS_FILTER, parse_filter)?,
                format: read(
                    get,
                    "FIRSTCOME_LOG_FORMAT",
                    Some("json"),
                    WANTS_FORMAT,
                    parse_format,
                )?,
            },
        })
    }
}

impl RunConfig {
    /// What this process's environment says to `run`.
    pub fn from_env() -> Result<Self, BadConfig> {
        Self::read(&env)
    }

    fn read(get: &impl Fn(&str) -> Option<String>) -> Result<Self, BadConfig> {
        let name = default_name();
        let address = Some("127.0.0.1:9090");
        Ok(Self {
            name: read(get, "FIRSTCOME_NAME", Some(&name), WANTS_NAME, parse_name)?,
            redis: RedisConfig {
                nodes: read(get, "FIRSTCOME_REDIS", None, WANTS_HOSTS, parse_hosts)?,
                replicas: read(
                    get,
                    "FIRSTCOME_REDIS_REPLICAS",
                    Some("1"),
                    WANTS_REPLICAS,
                    parse_replicas,
                )?,
            },
            kafka_brokers: read(get, "FIRSTCOME_KAFKA", None, WANTS_HOSTS, parse_hosts)?,
            metrics_listen: read(
                get,
                "FIRSTCOME_METRICS_LISTEN",
                address,
                WANTS_ADDRESS,
                |text| text.parse().ok(),
            )?,
            nginx: read(get, "FIRSTCOME_NGINX", Some(""), WANTS_FRONT, parse_some)?,
            admin: admin(get)?,
            reconcile: reconcile(get)?,
            #[cfg(feature = "failpoints")]
            failpoints: read(
                get,
                "FIRSTCOME_FAILPOINT",
                Some(""),
                "POINT=kill@3, POINT=stop@3 or POINT=lose@3-9, a point of failpoint.rs",
                parse_failpoints,
            )?,
        })
    }
}

fn env(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads it")]
    std::env::var(name).ok()
}

fn read<T>(
    get: &impl Fn(&str) -> Option<String>,
    name: &'static str,
    default: Option<&str>,
    wanted: &'static str,
    parse: fn(&str) -> Option<T>,
) -> Result<T, BadConfig> {
    let Some(text) = get(name).or_else(|| default.map(str::to_owned)) else {
        return Err(BadConfig { name, problem: "is not set".to_owned(), wanted });
    };
    parse(text.trim()).ok_or_else(|| BadConfig { name, problem: format!("is {text:?}"), wanted })
}

/// Like the others, but a bad value is not repeated: it may hold a password.
fn mysql(get: &impl Fn(&str) -> Option<String>) -> Result<DatabaseUrl, BadConfig> {
    let bad =
        |problem: &str| BadConfig { name: MYSQL, problem: problem.to_owned(), wanted: WANTS_MYSQL };
    let text = get(MYSQL).ok_or_else(|| bad("is not set"))?;
    DatabaseUrl::parse(text.trim())
        .map_err(|_| bad("is something else (not shown: it may hold a password)"))
}

/// The admin API is served where it has an address, and never without tokens. What was read is not
/// repeated.
fn admin(get: &impl Fn(&str) -> Option<String>) -> Result<Option<AdminConfig>, BadConfig> {
    const LISTEN: &str = "FIRSTCOME_ADMIN_LISTEN";
    const TOKENS: &str = "FIRSTCOME_ADMIN_TOKENS";
    const FILE: &str = "FIRSTCOME_ADMIN_TOKENS_FILE";
    let Some(listen) = get(LISTEN) else {
        return Ok(None);
    };
    let listen = listen.trim().parse().map_err(|_| BadConfig {
        name: LISTEN,
        problem: format!("is {listen:?}"),
        wanted: WANTS_ADDRESS,
    })?;
    let bad = |name, wanted, problem: &str| BadConfig { name, problem: problem.to_owned(), wanted };
    let (name, wanted, text) = match (get(TOKENS), get(FILE)) {
        (Some(_), Some(_)) => return Err(bad(FILE, WANTS_TOKENS_FILE, "is set beside the other")),
        (Some(text), None) => (TOKENS, WANTS_TOKENS, text),
        (None, Some(path)) => match read_bounded(path.trim()) {
            Ok(text) => (FILE, WANTS_TOKENS_FILE, text),
            Err(error) => {
                let problem = format!("names {path:?}, which cannot be read ({error})");
                return Err(bad(FILE, WANTS_TOKENS_FILE, &problem));
            }
        },
        (None, None) => return Err(bad(TOKENS, WANTS_TOKENS, "is not set")),
    };
    let unreadable = || bad(name, wanted, "is something else (not shown: it may hold tokens)");
    let tokens = Tokens::parse(&text).ok_or_else(unreadable)?;
    let edges = read(get, "FIRSTCOME_EDGES", Some(""), WANTS_EDGES, parse_some)?;
    Ok(Some(AdminConfig { listen, tokens, edges }))
}

/// All of a file, or nothing: a list that was cut would lack tokens, and have half of one.
fn read_bounded(path: &str) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MAX_TOKENS_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_TOKENS_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it has more than 64 KiB"));
    }
    Ok(text)
}

fn reconcile(get: &impl Fn(&str) -> Option<String>) -> Result<Option<Setting>, BadConfig> {
    let every = read(get, "FIRSTCOME_RECONCILE_EVERY_S", Some("3600"), WANTS_EVERY, parse_every)?;
    let mode = read(get, "FIRSTCOME_RECONCILE_MODE", Some("report"), WANTS_MODE, parse_mode)?;
    Ok((!every.is_zero()).then_some(Setting { every, mode }))
}

fn parse_every(text: &str) -> Option<Duration> {
    let seconds: u64 = text.parse().ok()?;
    (seconds == 0 || RECONCILE_EVERY_S.contains(&seconds)).then(|| Duration::from_secs(seconds))
}

fn parse_mode(text: &str) -> Option<Mode> {
    [Mode::Report, Mode::Repair].into_iter().find(|mode| mode.as_str() == text)
}

fn parse_name(text: &str) -> Option<String> {
    let good = (1..=MAX_NAME_BYTES).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/');
    good.then(|| text.to_owned())
}

fn parse_hosts(text: &str) -> Option<Vec<String>> {
    let parse_host = |host: &str| {
        let (name, port) = host.trim().rsplit_once(':')?;
        let port: u16 = port.parse().ok()?;
        (!name.is_empty() && port > 0).then(|| host.trim().to_owned())
    };
    text.split(',').map(parse_host).collect()
}

/// A list that may be empty.
fn parse_some(text: &str) -> Option<Vec<String>> {
    if text.is_empty() { Some(Vec::new()) } else { parse_hosts(text) }
}

fn parse_replicas(text: &str) -> Option<u32> {
    text.parse().ok().filter(|replicas| (1..=MAX_REPLICAS).contains(replicas))
}

fn parse_filter(text: &str) -> Option<String> {
    let good = tracing_subscriber::EnvFilter::builder().parse(text).is_ok();
    good.then(|| text.to_owned())
}

fn parse_format(text: &str) -> Option<LogFormat> {
    match text {
        "json" => Some(LogFormat::Json),
        "pretty" => Some(LogFormat::Pretty),
        _ => None,
    }
}

#[cfg(feature = "failpoints")]
fn parse_failpoints(text: &str) -> Option<links::failpoint::Failpoints> {
    let known = crate::failpoint::Point::ALL.map(crate::failpoint::Point::name);
    links::failpoint::Failpoints::parse(text, &known)
}

fn default_name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = Some(host.trim()).filter(|host| !host.is_empty());
    format!("persister-{}@{}", std::process::id(), host.unwrap_or("localhost"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> impl Fn(&str) -> Option<String> {
        let defaults = [
            ("FIRSTCOME_MYSQL", "mysql://firstcome:secret@127.0.0.1:3306/firstcome"),
            ("FIRSTCOME_REDIS", "127.0.0.1:7001, 127.0.0.1:7002"),
            ("FIRSTCOME_KAFKA", "127.0.0.1:9092"),
        ];
        let all: Vec<(String, String)> = pairs
            .iter()
            .chain(&defaults)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        move |name| all.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
    }

    fn error(pairs: &[(&str, &str)]) -> BadConfig {
        let get = environment(pairs);
        let config = Config::read(&get).err();
        config.or_else(|| RunConfig::read(&get).err()).expect("one of them is bad")
    }

    #[test]
    fn what_is_not_said_has_a_default() {
        let get = environment(&[]);
        let run = RunConfig::read(&get).unwrap();
        assert_eq!(run.redis.nodes, ["127.0.0.1:7001", "127.0.0.1:7002"]);
        assert_eq!(run.redis.replicas, 1);
        assert!(run.nginx.is_empty());
        assert_eq!(run.metrics_listen, "127.0.0.1:9090".parse().unwrap());
        assert!(run.name.starts_with("persister-"), "{}", run.name);
        let hourly = Setting { every: Duration::from_secs(3_600), mode: Mode::Report };
        assert_eq!(run.reconcile, Some(hourly));
        let never = environment(&[("FIRSTCOME_RECONCILE_EVERY_S", "0")]);
        assert_eq!(RunConfig::read(&never).unwrap().reconcile, None);
        let log = Config::read(&get).unwrap().log;
        assert_eq!((log.filter.as_str(), log.format), ("info", LogFormat::Json));
    }

    #[test]
    fn a_bad_value_is_named_with_what_was_read_and_what_is_wanted() {
        let cases = [
            ("FIRSTCOME_NAME", "a/b"),
            ("FIRSTCOME_REDIS", "127.0.0.1"),
            ("FIRSTCOME_KAFKA", ""),
            ("FIRSTCOME_NGINX", "nginx"),
            ("FIRSTCOME_REDIS_REPLICAS", "0"),
            ("FIRSTCOME_METRICS_LISTEN", "9090"),
            ("FIRSTCOME_RECONCILE_EVERY_S", "5"),
            ("FIRSTCOME_RECONCILE_MODE", "heal"),
            ("FIRSTCOME_LOG", "persister=loud"),
            ("FIRSTCOME_LOG_FORMAT", "xml"),
        ];
        for (name, value) in cases {
            let error = error(&[(name, value)]);
            assert_eq!(error.name, name);
            assert!(error.to_string().contains(&format!("is {value:?}; it wants")), "{error}");
        }
    }

    #[test]
    fn a_bad_database_is_named_without_its_password() {
        let error = error(&[("FIRSTCOME_MYSQL", "postgres://firstcome:secret@host/db")]);
        assert_eq!(error.name, "FIRSTCOME_MYSQL");
        assert!(!error.to_string().contains("secret"), "{error}");
        assert!(error.to_string().contains("it wants mysql://"), "{error}");
    }

    #[test]
    fn the_admin_api_is_served_only_with_tokens() {
        let admin =
            |pairs: &[(&str, &str)]| RunConfig::read(&environment(pairs)).map(|run| run.admin);
        assert!(admin(&[]).unwrap().is_none());
        let listen = ("FIRSTCOME_ADMIN_LISTEN", "127.0.0.1:9091");
        let token = "ann:operator:0123456789abcdef01234567";
        let served = admin(&[listen, ("FIRSTCOME_ADMIN_TOKENS", token)]).unwrap().unwrap();
        assert_eq!((served.listen.port(), served.edges.len()), (9091, 0));
        let with =
            |edges| admin(&[listen, ("FIRSTCOME_ADMIN_TOKENS", token), ("FIRSTCOME_EDGES", edges)]);
        let two = with("10.0.0.1:9080, edge-2:9080").unwrap().unwrap().edges;
        assert_eq!(two, ["10.0.0.1:9080", "edge-2:9080"]);
        assert!(with("10.0.0.1").is_err_and(|bad| bad.to_string().contains("private host:port")));
        let bad = |pairs: &[(&str, &str)]| admin(pairs).err().expect("it is refused").to_string();
        assert!(bad(&[listen]).starts_with("FIRSTCOME_ADMIN_TOKENS is not set"));
        let secret = bad(&[listen, ("FIRSTCOME_ADMIN_TOKENS", "ann:operator:hunter2")]);
        assert!(!secret.contains("hunter2"), "{secret}");
        assert!(bad(&[("FIRSTCOME_ADMIN_LISTEN", "9091")]).contains("an address and a port"));
        let file = ("FIRSTCOME_ADMIN_TOKENS_FILE", "/nowhere/tokens");
        assert!(bad(&[listen, file]).contains("cannot be read"));
        assert!(bad(&[listen, file, ("FIRSTCOME_ADMIN_TOKENS", token)]).contains("beside"));
    }

    #[test]
    fn a_file_of_tokens_is_read_whole_or_refused() {
        let name = format!("firstcome-tokens-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let read = |bytes: u64| {
            std::fs::write(&path, "#".repeat(usize::try_from(bytes).unwrap())).unwrap();
            read_bounded(path.to_str().unwrap()).map(|text| text.len() as u64)
        };
        assert_eq!(read(MAX_TOKENS_BYTES).unwrap(), MAX_TOKENS_BYTES);
        assert!(read(MAX_TOKENS_BYTES + 1).is_err());
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn what_is_required_has_no_default() {
        let missing = Config::read(&|_: &str| None).err().expect("MySQL is required");
        assert_eq!((missing.name, missing.problem.as_str()), (MYSQL, "is not set"));
        assert!(RunConfig::read(&|_: &str| None).is_err());
    }
}
