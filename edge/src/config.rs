//! What the environment says, read once. Every name and default stands here.

mod identity;
mod limits;

use std::net::SocketAddr;
use std::num::NonZeroUsize;

use crate::claims::AskedOf;
use crate::identity::Mode;
use crate::limits::Setting as Limits;

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
    /// `FIRSTCOME_CORES`: threads that serve. Default: as many as the machine has cores.
    pub cores: usize,
    /// `FIRSTCOME_REDIS`: nodes of the cluster, `host:port` separated by commas. Required.
    pub redis_nodes: Vec<String>,
    /// `FIRSTCOME_REDIS_REPLICAS`: copies beside the master that make a win told. Default 1.
    pub redis_replicas: u32,
    /// `FIRSTCOME_KAFKA`: brokers, `host:port` separated by commas. Required.
    pub kafka_brokers: Vec<String>,
    /// `FIRSTCOME_SOLD_OUT`: `memory` or `redis`, where an edge learns that nothing is left. `redis`
    /// is for benches: it shows what the memory saves. Default `memory`.
    pub sold_out: AskedOf,
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

/// What the libraries tell of connections and errors, `links` tells once.
const DEFAULT_LOG: &str = "info,rskafka=off,fred=off";
/// The most threads that one process is given.
const MAX_CORES: usize = 256;
/// The most replicas that WAIT is asked for.
const MAX_REPLICAS: u32 = 5;
/// The longest name; it becomes a key of the directory.
const MAX_NAME_BYTES: usize = 100;

impl Config {
    /// The configuration that this process's environment describes.
    pub fn from_env() -> Result<Self, BadConfig> {
        #[expect(clippy::disallowed_methods, reason = "the one place that reads it")]
        Self::read(|name| std::env::var(name).ok())
    }

    fn read(get: impl Fn(&'static str) -> Option<String>) -> Result<Self, BadConfig> {
        let env = Env(get);
        Ok(Self {
            name: env.or("FIRSTCOME_NAME", default_name, NAME, parse_name)?,
            listen: env.or("FIRSTCOME_LISTEN", || "0.0.0.0:8080".into(), ADDRESS, parse)?,
            metrics_listen: env.or(
                "FIRSTCOME_METRICS_LISTEN",
                || "127.0.0.1:9080".into(),
                ADDRESS,
                parse,
            )?,
            identity: identity::read(&env)?,
            limits: limits::read(&env)?,
            cores: env.or("FIRSTCOME_CORES", default_cores, CORES, parse_cores)?,
            redis_nodes: env.required("FIRSTCOME_REDIS", HOSTS, parse_hosts)?,
            redis_replicas: env.or(
                "FIRSTCOME_REDIS_REPLICAS",
                || "1".into(),
                REPLICAS,
                parse_replicas,
            )?,
            kafka_brokers: env.required("FIRSTCOME_KAFKA", HOSTS, parse_hosts)?,
            sold_out: env.or("FIRSTCOME_SOLD_OUT", || "memory".into(), SOLD_OUT, parse_sold_out)?,
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
const CORES: &str = "a whole number from 1 to 256";
const HOSTS: &str = "a comma-separated list of host:port, such as 10.0.0.1:6379,10.0.0.2:6379";
const REPLICAS: &str = "a whole number from 1 to 5, the replicas that each master has";
const SOLD_OUT: &str = "'memory' or 'redis', where an edge learns that nothing is left";
const FORMAT: &str = "'json' or 'pretty'";

struct Env<G>(G);

impl<G: Fn(&'static str) -> Option<String>> Env<G> {
    fn required<T>(
        &self,
        name: &'static str,
        wanted: &'static str,
        parse: fn(&str) -> Option<T>,
    ) -> Result<T, BadConfig> {
        let text = (self.0)(name).ok_or_else(|| BadConfig {
            name,
            problem: "is not set".to_owned(),
            wanted,
        })?;
        parse(text.trim()).ok_or_else(|| BadConfig {
            name,
            problem: format!("is {text:?}"),
            wanted,
        })
    }

    fn or<T>(
        &self,
        name: &'static str,
        default: fn() -> String,
        wanted: &'static str,
        parse: fn(&str) -> Option<T>,
    ) -> Result<T, BadConfig> {
        let with_default = Env(|name| (self.0)(name).or_else(|| Some(default())));
        with_default.required(name, wanted, parse)
    }
}

fn parse<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

fn parse_name(text: &str) -> Option<String> {
    let good = (1..=MAX_NAME_BYTES).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic());
    good.then(|| text.to_owned())
}

fn parse_cores(text: &str) -> Option<usize> {
    parse(text).filter(|cores| (1..=MAX_CORES).contains(cores))
}

fn parse_replicas(text: &str) -> Option<u32> {
    parse(text).filter(|replicas| (1..=MAX_REPLICAS).contains(replicas))
}

fn parse_hosts(text: &str) -> Option<Vec<String>> {
    let hosts = text.split(',').map(str::trim);
    hosts
        .map(|host| {
            let (name, port) = host.rsplit_once(':')?;
            let port = parse::<u16>(port)?;
            (!name.is_empty() && port > 0).then(|| host.to_owned())
        })
        .collect()
}

fn parse_sold_out(text: &str) -> Option<AskedOf> {
    match text {
        "memory" => Some(AskedOf::Memory),
        "redis" => Some(AskedOf::Redis),
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

    fn read(pairs: &[(&str, &str)]) -> Result<Config, BadConfig> {
        let required = [
            ("FIRSTCOME_IDENTITY", "open"),
            ("FIRSTCOME_REDIS", "127.0.0.1:7001, 127.0.0.1:7002"),
            ("FIRSTCOME_KAFKA", "127.0.0.1:9092"),
        ];
        Config::read(|name| {
            let mut all = pairs.iter().chain(&required);
            all.find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn what_is_not_said_has_a_default() {
        let config = read(&[]).unwrap();
        assert_eq!(config.listen, "0.0.0.0:8080".parse().unwrap());
        assert_eq!(config.metrics_listen, "127.0.0.1:9080".parse().unwrap());
        assert_eq!(config.redis_nodes, ["127.0.0.1:7001", "127.0.0.1:7002"]);
        assert_eq!(config.redis_replicas, 1);
        assert_eq!(config.limits, Limits::default());
        assert_eq!(config.sold_out, AskedOf::Memory);
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
            ("FIRSTCOME_REDIS", "127.0.0.1"),
            ("FIRSTCOME_REDIS", "a:1,,b:2"),
            ("FIRSTCOME_KAFKA", ""),
            ("FIRSTCOME_REDIS_REPLICAS", "0"),
            ("FIRSTCOME_SOLD_OUT", "kafka"),
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
        let error = Config::read(|_| None).unwrap_err();
        assert_eq!(error.name, "FIRSTCOME_IDENTITY");
        assert_eq!(error.problem, "is not set");
    }
}
