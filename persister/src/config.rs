//! What the environment says, read once. Every name and default stands here, or is named here and
//! read in `links`, for both programs.

mod traces;

use std::net::SocketAddr;
use std::time::Duration;

use contract::settings::{BadSetting, Settings, parse, parse_hosts};
use links::kafka::KafkaConfig;
use links::login::Secret;
use links::on_panic::{self, OnPanic};
use links::redis::RedisConfig;
use links::tls::Tls;
use links::trace::Setting as Traces;

use crate::admin::tokens::Tokens;
use crate::metrics::Recording;
use crate::reconcile::{Mode, Setting};
use crate::store::DatabaseUrl;

/// What every subcommand is told from outside.
pub struct Config {
    /// `FIRSTCOME_MYSQL`, or the file that `FIRSTCOME_MYSQL_FILE` names:
    /// `mysql://user:password@host:port/database`; required. `FIRSTCOME_MYSQL_TLS`: who signs for the
    /// server; default `off`.
    pub mysql: DatabaseUrl,
    /// How lines of the log look.
    pub log: LogConfig,
    /// `FIRSTCOME_ON_PANIC`: `go_on` or `abort`, what a panic in one job does to the process. `abort`
    /// is for tests. Default `go_on`.
    pub on_panic: OnPanic,
}

/// What `run` is told besides.
pub struct RunConfig {
    /// `FIRSTCOME_NAME`: names this process; one that begins again under its name takes its own
    /// lease back at once.
    pub name: String,
    /// `FIRSTCOME_REDIS` and `FIRSTCOME_REDIS_REPLICAS`, the first of them required;
    /// `FIRSTCOME_REDIS_USER` with `FIRSTCOME_REDIS_PASSWORD` or `FIRSTCOME_REDIS_PASSWORD_FILE`,
    /// default: Redis's default user; `FIRSTCOME_REDIS_TLS` and `FIRSTCOME_REDIS_TLS_NAME`, default
    /// `off`.
    pub redis: RedisConfig,
    /// `FIRSTCOME_KAFKA`: brokers; required. `FIRSTCOME_KAFKA_USER` with `FIRSTCOME_KAFKA_PASSWORD` or
    /// `FIRSTCOME_KAFKA_PASSWORD_FILE`, and `FIRSTCOME_KAFKA_SASL`; default: nobody logs in.
    /// `FIRSTCOME_KAFKA_TLS`; default `off`.
    pub kafka: KafkaConfig,
    /// `FIRSTCOME_METRICS_LISTEN`: the private address. Default `127.0.0.1:9090`.
    pub metrics_listen: SocketAddr,
    /// `FIRSTCOME_NGINX`: the private port of each NGINX, for a look before a sale. Default: none.
    pub nginx: Vec<String>,
    /// `FIRSTCOME_METRICS`: `on` or `off`, whether anything is recorded for `/metrics`. `off` is for
    /// benches: it shows what recording costs. Default `on`.
    pub metrics: Recording,
    /// The admin API; None: this process does not serve it.
    pub admin: Option<AdminConfig>,
    /// `FIRSTCOME_RECONCILE_EVERY_S` and `FIRSTCOME_RECONCILE_MODE`: when the leader reconciles by
    /// itself, and what it may do. Defaults `3600` (0: never) and `report`.
    pub reconcile: Option<Setting>,
    /// `FIRSTCOME_OTLP_ENDPOINT`: where spans of the records of traced claims go. Which claims are
    /// traced the edges have drawn. Default: nowhere.
    pub traces: Option<Traces>,
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

const MYSQL: Secret = Secret {
    name: "FIRSTCOME_MYSQL",
    file: "FIRSTCOME_MYSQL_FILE",
    wanted: "mysql://user:password@host:port/database, without require_ssl (FIRSTCOME_MYSQL_TLS \
        is for that); FIRSTCOME_MYSQL_FILE may name a file with it instead",
};
const WANTS_NAME: &str = "1 to 90 visible ASCII characters without '/', such as persister-1";
const WANTS_ADDRESS: &str = "an address and a port, such as 127.0.0.1:9090";
const WANTS_FRONT: &str = "a comma-separated list of host:port, where each NGINX has its private \
    port, or nothing";
const WANTS_EDGES: &str =
    "a comma-separated list of the edges' private host:port, such as 10.0.0.1:9080,10.0.0.2:9080";
const WANTS_FILTER: &str = "a level or a filter, such as info or persister=debug";
const WANTS_RECORDING: &str = "'on' or 'off', whether anything is recorded for /metrics";
const TOKENS: Secret = Secret {
    name: "FIRSTCOME_ADMIN_TOKENS",
    file: "FIRSTCOME_ADMIN_TOKENS_FILE",
    wanted: "NAME:ROLE:TOKEN,... or in a file of 64 KiB at most, a line each: each name and token \
        once, tokens of at least 24 letters (openssl rand -hex 24), roles viewer and operator",
};
const WANTS_FORMAT: &str = "'json' or 'pretty'";

const WANTS_EVERY: &str = "0 (never), or seconds from 10 to 604800";
const WANTS_MODE: &str = "'report' or 'repair'";

/// Seconds from one run of reconcile by itself to the next.
const RECONCILE_EVERY_S: std::ops::RangeInclusive<u64> = 10..=604_800;
/// The longest name: with its token it becomes the owner of a lease, `VARCHAR(128)`.
const MAX_NAME_BYTES: usize = 90;

impl Config {
    /// What this process's environment says to every subcommand.
    pub fn from_env() -> Result<Self, BadSetting> {
        Self::read(&Settings(&env))
    }

    fn read(env: &Settings<'_>) -> Result<Self, BadSetting> {
        Ok(Self {
            mysql: MYSQL
                .required(env, |text| DatabaseUrl::parse(text).ok())?
                .over(Tls::to_mysql(env)?.as_ref()),
            log: LogConfig {
                filter: env.or("FIRSTCOME_LOG", || "info".into(), WANTS_FILTER, parse_filter)?,
                format: env.or(
                    "FIRSTCOME_LOG_FORMAT",
                    || "json".into(),
                    WANTS_FORMAT,
                    parse_format,
                )?,
            },
            on_panic: env.or(
                "FIRSTCOME_ON_PANIC",
                || "go_on".into(),
                on_panic::WANTED,
                OnPanic::parse,
            )?,
        })
    }
}

impl RunConfig {
    /// What this process's environment says to `run`.
    pub fn from_env() -> Result<Self, BadSetting> {
        Self::read(&Settings(&env))
    }

    fn read(env: &Settings<'_>) -> Result<Self, BadSetting> {
        Ok(Self {
            name: env.or("FIRSTCOME_NAME", default_name, WANTS_NAME, parse_name)?,
            redis: RedisConfig::read(env)?,
            kafka: KafkaConfig::read(env)?,
            metrics_listen: env.or(
                "FIRSTCOME_METRICS_LISTEN",
                || "127.0.0.1:9090".into(),
                WANTS_ADDRESS,
                parse,
            )?,
            nginx: env.or("FIRSTCOME_NGINX", String::new, WANTS_FRONT, parse_some)?,
            metrics: env.or(
                "FIRSTCOME_METRICS",
                || "on".into(),
                WANTS_RECORDING,
                parse_recording,
            )?,
            admin: admin(env)?,
            traces: traces::read(env)?,
            reconcile: reconcile(env)?,
            #[cfg(feature = "failpoints")]
            failpoints: env.or(
                "FIRSTCOME_FAILPOINT",
                String::new,
                "POINT=kill@3, POINT=stop@3 or POINT=lose@3-9, a point of failpoint.rs",
                parse_failpoints,
            )?,
        })
    }
}

fn env(name: &'static str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads it")]
    std::env::var(name).ok()
}

/// The admin API is served where it has an address, and never without tokens.
fn admin(env: &Settings<'_>) -> Result<Option<AdminConfig>, BadSetting> {
    const LISTEN: &str = "FIRSTCOME_ADMIN_LISTEN";
    if env.said(LISTEN).is_none() {
        return Ok(None);
    }
    Ok(Some(AdminConfig {
        listen: env.required(LISTEN, WANTS_ADDRESS, parse)?,
        tokens: TOKENS.required(env, Tokens::parse)?,
        edges: env.or("FIRSTCOME_EDGES", String::new, WANTS_EDGES, parse_some)?,
    }))
}

fn reconcile(env: &Settings<'_>) -> Result<Option<Setting>, BadSetting> {
    let every =
        env.or("FIRSTCOME_RECONCILE_EVERY_S", || "3600".into(), WANTS_EVERY, parse_every)?;
    let mode = env.or("FIRSTCOME_RECONCILE_MODE", || "report".into(), WANTS_MODE, parse_mode)?;
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

/// A list that may be empty.
fn parse_some(text: &str) -> Option<Vec<String>> {
    if text.is_empty() { Some(Vec::new()) } else { parse_hosts(text) }
}

fn parse_filter(text: &str) -> Option<String> {
    let good = tracing_subscriber::EnvFilter::builder().parse(text).is_ok();
    good.then(|| text.to_owned())
}

fn parse_recording(text: &str) -> Option<Recording> {
    match text {
        "on" => Some(Recording::On),
        "off" => Some(Recording::Off),
        _ => None,
    }
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

    fn environment(pairs: &[(&str, &str)]) -> impl Fn(&'static str) -> Option<String> {
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

    fn error(pairs: &[(&str, &str)]) -> BadSetting {
        let get = environment(pairs);
        let config = Config::read(&Settings(&get)).err();
        config.or_else(|| RunConfig::read(&Settings(&get)).err()).expect("one of them is bad")
    }

    #[test]
    fn what_is_not_said_has_a_default() {
        let get = environment(&[]);
        let run = RunConfig::read(&Settings(&get)).unwrap();
        assert_eq!(run.redis.nodes, ["127.0.0.1:7001", "127.0.0.1:7002"]);
        assert_eq!(run.redis.replicas, 1);
        assert!(run.nginx.is_empty());
        assert_eq!(run.metrics_listen, "127.0.0.1:9090".parse().unwrap());
        assert!(run.name.starts_with("persister-"), "{}", run.name);
        let hourly = Setting { every: Duration::from_secs(3_600), mode: Mode::Report };
        assert_eq!(run.reconcile, Some(hourly));
        let never = environment(&[("FIRSTCOME_RECONCILE_EVERY_S", "0")]);
        assert_eq!(RunConfig::read(&Settings(&never)).unwrap().reconcile, None);
        let log = Config::read(&Settings(&get)).unwrap().log;
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
            ("FIRSTCOME_ON_PANIC", "unwind"),
            ("FIRSTCOME_METRICS", "no"),
        ];
        for (name, value) in cases {
            let error = error(&[(name, value)]);
            assert_eq!(error.name, name);
            assert!(error.to_string().contains(&format!("is {value:?}; it wants")), "{error}");
        }
    }

    #[test]
    fn a_bad_database_is_named_without_its_password() {
        let error_of = |url| error(&[("FIRSTCOME_MYSQL", url)]);
        let error = error_of("postgres://firstcome:hunter2@host/db");
        assert_eq!(error.name, "FIRSTCOME_MYSQL");
        assert!(!error.to_string().contains("hunter2"), "{error}");
        assert!(error.to_string().contains("it wants mysql://"), "{error}");
        let twice = error_of("mysql://firstcome:hunter2@host/db?require_ssl=true");
        assert!(twice.to_string().contains("FIRSTCOME_MYSQL_TLS"), "{twice}");
    }

    #[test]
    fn the_admin_api_is_served_only_with_tokens() {
        let admin = |pairs: &[(&str, &str)]| {
            RunConfig::read(&Settings(&environment(pairs))).map(|run| run.admin)
        };
        assert!(admin(&[]).unwrap().is_none());
        assert!(admin(&[("FIRSTCOME_ADMIN_LISTEN", "")]).unwrap().is_none());
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
    fn what_is_required_has_no_default() {
        let missing = Config::read(&Settings(&|_| None)).err().expect("MySQL is required");
        assert_eq!((missing.name, missing.problem.as_str()), (MYSQL.name, "is not set"));
        assert!(RunConfig::read(&Settings(&|_| None)).is_err());
    }
}
