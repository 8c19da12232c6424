//! What the environment says, read once. Every name and default stands here, or is named here and
//! read in `links`, for both programs.

mod identity;
mod limits;
mod trace;

use std::net::SocketAddr;
use std::num::NonZeroUsize;

use contract::settings::{BadSetting, Settings, parse};
use links::kafka::KafkaConfig;
use links::on_panic::{self, OnPanic};
use links::redis::RedisConfig;
use links::trace::Setting as Traces;

use crate::claims::AskedOf;
use crate::cors::Origins;
use crate::identity::Mode;
use crate::limits::Setting as Limits;
use crate::metrics::Recording;
use crate::proxy_protocol::Forwarders;

/// Everything an edge is told from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `FIRSTCOME_NAME`: names this edge in the directory's probes and in logs.
    pub name: String,
    /// `FIRSTCOME_LISTEN`: the public address. Default `0.0.0.0:8080`.
    pub listen: SocketAddr,
    /// `FIRSTCOME_METRICS_LISTEN`: the private address. Default `127.0.0.1:9080`.
    pub metrics_listen: SocketAddr,
    /// `FIRSTCOME_IDENTITY` and what its mode wants: who says which user asks. Required, so that
    /// nobody runs the open mode without having asked for it.
    pub identity: Mode,
    /// `FIRSTCOME_LIMIT_ALL`, `FIRSTCOME_LIMIT_ADDRESS`, `FIRSTCOME_LIMIT_USER`: how often this edge
    /// may be asked; `FIRSTCOME_TRUSTED_HOPS`: proxies that say from where. Defaults `off` and `0`.
    pub limits: Limits,
    /// `FIRSTCOME_PROXY_PROTOCOL`: who says, by the PROXY protocol, from where their connections come.
    /// Default `off`.
    pub forwarders: Forwarders,
    /// `FIRSTCOME_CORES`: threads that serve. Default: as many as the machine has cores.
    pub cores: usize,
    /// `FIRSTCOME_REDIS`: nodes of the cluster, `host:port` separated by commas; required.
    /// `FIRSTCOME_REDIS_REPLICAS`: copies beside the master that make a win told; default 1.
    /// `FIRSTCOME_REDIS_USER` with `FIRSTCOME_REDIS_PASSWORD` or `FIRSTCOME_REDIS_PASSWORD_FILE`: who
    /// logs in; default: its default user. `FIRSTCOME_REDIS_TLS` and `FIRSTCOME_REDIS_TLS_NAME`: who
    /// signs for the nodes; default `off`.
    pub redis: RedisConfig,
    /// `FIRSTCOME_KAFKA`: brokers, `host:port` separated by commas; required. `FIRSTCOME_KAFKA_USER`
    /// with `FIRSTCOME_KAFKA_PASSWORD` or `FIRSTCOME_KAFKA_PASSWORD_FILE`, and `FIRSTCOME_KAFKA_SASL`:
    /// who logs in, and how; default: nobody. `FIRSTCOME_KAFKA_TLS`: who signs for the brokers; default
    /// `off`.
    pub kafka: KafkaConfig,
    /// `FIRSTCOME_CORS_ORIGINS`: pages of these origins may read answers, separated by commas; `*`:
    /// everybody's. Default: none.
    pub cors_origins: Origins,
    /// `FIRSTCOME_SOLD_OUT`: `memory` or `redis`, where an edge learns that nothing is left. `redis`
    /// is for benches: it shows what the memory saves. Default `memory`.
    pub sold_out: AskedOf,
    /// `FIRSTCOME_METRICS`: `on` or `off`, whether anything is recorded for `/metrics`. `off` is for
    /// benches: it shows what recording costs. Default `on`.
    pub metrics: Recording,
    /// `FIRSTCOME_OTLP_ENDPOINT` and `FIRSTCOME_TRACE_RATIO`: where traces go, and of how many claims.
    /// Defaults: nowhere, and `0.001` where there is somewhere.
    pub traces: Option<Traces>,
    /// `FIRSTCOME_ON_PANIC`: `go_on` or `abort`, what a panic in one request does to the process.
    /// `abort` is for tests. Default `go_on`.
    pub on_panic: OnPanic,
    /// `FIRSTCOME_LOG`: a filter of tracing's. Default `info`.
    pub log_filter: String,
    /// `FIRSTCOME_LOG_FORMAT`: `json` or `pretty`. Default `json`.
    pub log_format: LogFormat,
    /// `FIRSTCOME_FAILPOINT`: what a test does to this process, and where. Default: nothing.
    #[cfg(feature = "failpoints")]
    pub failpoints: links::failpoint::Failpoints,
}

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line, for machines.
    Json,
    /// For people.
    Pretty,
}

/// What the libraries tell of connections and errors, `links` tells once.
const DEFAULT_LOG: &str = "info,rskafka=off,fred=off";
/// The most threads that one process is given.
const MAX_CORES: usize = 256;
/// The longest name; it becomes a key of the directory.
const MAX_NAME_BYTES: usize = 100;

impl Config {
    /// The configuration that this process's environment describes.
    pub fn from_env() -> Result<Self, BadSetting> {
        #[expect(clippy::disallowed_methods, reason = "the one place that reads it")]
        let get = |name: &'static str| std::env::var(name).ok();
        Self::read(&Settings(&get))
    }

    fn read(env: &Settings<'_>) -> Result<Self, BadSetting> {
        Ok(Self {
            name: env.or("FIRSTCOME_NAME", default_name, NAME, parse_name)?,
            listen: env.or("FIRSTCOME_LISTEN", || "0.0.0.0:8080".into(), ADDRESS, parse)?,
            metrics_listen: env.or(
                "FIRSTCOME_METRICS_LISTEN",
                || "127.0.0.1:9080".into(),
                ADDRESS,
                parse,
            )?,
            identity: identity::read(env)?,
            limits: limits::read(env)?,
            forwarders: env.or(
                "FIRSTCOME_PROXY_PROTOCOL",
                || "off".into(),
                FORWARDERS,
                Forwarders::parse,
            )?,
            cores: env.or("FIRSTCOME_CORES", default_cores, CORES, parse_cores)?,
            redis: RedisConfig::read(env)?,
            kafka: KafkaConfig::read(env)?,
            cors_origins: env.or("FIRSTCOME_CORS_ORIGINS", String::new, ORIGINS, Origins::parse)?,
            sold_out: env.or("FIRSTCOME_SOLD_OUT", || "memory".into(), SOLD_OUT, parse_sold_out)?,
            metrics: env.or("FIRSTCOME_METRICS", || "on".into(), RECORDING, parse_recording)?,
            traces: trace::read(env)?,
            on_panic: env.or(
                "FIRSTCOME_ON_PANIC",
                || "go_on".into(),
                on_panic::WANTED,
                OnPanic::parse,
            )?,
            log_filter: env.or("FIRSTCOME_LOG", || DEFAULT_LOG.into(), "a filter", parse)?,
            log_format: env.or("FIRSTCOME_LOG_FORMAT", || "json".into(), FORMAT, parse_format)?,
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

const NAME: &str = "1 to 100 visible ASCII characters, such as edge-1";
const ADDRESS: &str = "an address and a port, such as 127.0.0.1:8080";
const FORWARDERS: &str = "'off', or the addresses or networks of forwarders that begin each connection \
    with a PROXY header, such as 10.0.0.7,10.1.0.0/16";
const CORES: &str = "a whole number from 1 to 256";
const ORIGINS: &str = "'*', or up to 32 origins as browsers send them, such as \
    https://shop.example,http://localhost:3000";
const SOLD_OUT: &str = "'memory' or 'redis', where an edge learns that nothing is left";
const RECORDING: &str = "'on' or 'off', whether anything is recorded for /metrics";
const FORMAT: &str = "'json' or 'pretty'";

fn parse_name(text: &str) -> Option<String> {
    let good = (1..=MAX_NAME_BYTES).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic());
    good.then(|| text.to_owned())
}

fn parse_cores(text: &str) -> Option<usize> {
    parse(text).filter(|cores| (1..=MAX_CORES).contains(cores))
}

fn parse_sold_out(text: &str) -> Option<AskedOf> {
    match text {
        "memory" => Some(AskedOf::Memory),
        "redis" => Some(AskedOf::Redis),
        _ => None,
    }
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
    format!("edge-{}@{}", std::process::id(), host.unwrap_or("localhost"))
}

fn default_cores() -> String {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    cores.min(MAX_CORES).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Config, BadSetting> {
        let required = [
            ("FIRSTCOME_IDENTITY", "open"),
            ("FIRSTCOME_REDIS", "127.0.0.1:7001, 127.0.0.1:7002"),
            ("FIRSTCOME_KAFKA", "127.0.0.1:9092"),
        ];
        Config::read(&Settings(&|name| {
            let mut all = pairs.iter().chain(&required);
            all.find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        }))
    }

    #[test]
    fn what_is_not_said_has_a_default() {
        let config = read(&[]).unwrap();
        assert_eq!(config.listen, "0.0.0.0:8080".parse().unwrap());
        assert_eq!(config.metrics_listen, "127.0.0.1:9080".parse().unwrap());
        let nodes = ["127.0.0.1:7001", "127.0.0.1:7002"].map(str::to_owned);
        assert_eq!(config.redis, RedisConfig::plain(nodes.into()));
        assert_eq!(config.kafka, KafkaConfig::plain(vec!["127.0.0.1:9092".to_owned()]));
        assert_eq!(config.limits, Limits::default());
        assert_eq!(config.cors_origins, Origins::default());
        assert_eq!(config.forwarders, Forwarders::default());
        assert_eq!(config.sold_out, AskedOf::Memory);
        assert_eq!(config.metrics, Recording::On);
        assert_eq!(config.traces, None);
        assert_eq!(config.on_panic, OnPanic::GoOn);
        assert_eq!(config.log_format, LogFormat::Json);
        assert!(config.name.starts_with("edge-"), "{}", config.name);
        assert!(config.cores >= 1);
    }

    #[test]
    fn a_bad_value_is_named_with_what_was_read_and_what_is_wanted() {
        let cases = [
            ("FIRSTCOME_LISTEN", "8080"),
            ("FIRSTCOME_IDENTITY", "jwks"),
            ("FIRSTCOME_CORES", "0"),
            ("FIRSTCOME_LIMIT_USER", "5"),
            ("FIRSTCOME_LIMIT_ADDRESS", "0/1"),
            ("FIRSTCOME_LIMIT_ALL", "many"),
            ("FIRSTCOME_TRUSTED_HOPS", "9"),
            ("FIRSTCOME_PROXY_PROTOCOL", "on"),
            ("FIRSTCOME_PROXY_PROTOCOL", "10.0.0.0/33"),
            ("FIRSTCOME_REDIS", "127.0.0.1"),
            ("FIRSTCOME_REDIS", "a:1,,b:2"),
            ("FIRSTCOME_KAFKA", ""),
            ("FIRSTCOME_REDIS_REPLICAS", "0"),
            ("FIRSTCOME_CORS_ORIGINS", "shop.example"),
            ("FIRSTCOME_SOLD_OUT", "kafka"),
            ("FIRSTCOME_METRICS", "no"),
            ("FIRSTCOME_ON_PANIC", "unwind"),
            ("FIRSTCOME_OTLP_ENDPOINT", "127.0.0.1:4318"),
            ("FIRSTCOME_LOG_FORMAT", "xml"),
            ("FIRSTCOME_NAME", "edge 1"),
        ];
        for (name, value) in cases {
            let error = read(&[(name, value)]).unwrap_err();
            assert_eq!(error.name, name);
            assert!(error.to_string().contains(&format!("is {value:?}; it wants")), "{error}");
        }
    }

    #[test]
    fn what_is_required_has_no_default() {
        let error = Config::read(&Settings(&|_| None)).unwrap_err();
        assert_eq!(error.name, "FIRSTCOME_IDENTITY");
        assert_eq!(error.problem, "is not set");
    }
}
