//! NGINX, with the repository's `nginx/` files.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;
use tokio::process::Command;

use super::directory::StackDirectory;
use super::error::StackError;
use super::part::{PartKind, PartSpec, WhenRigDies};
use super::ports::{PortBlock, Use};
use super::repository::{self, system_program};

const NAME: &str = "nginx-1";
const FORWARDER: &str = "nginx-2";

/// Which file of limits NGINX takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Limits {
    /// `nginx/limits.conf`, for the public.
    Real,
    /// `nginx/limits.demo.conf`: a rush over loopback comes from a single address.
    Demo,
}

impl Limits {
    fn file(self) -> &'static str {
        match self {
            Self::Real => "nginx/limits.conf",
            Self::Demo => "nginx/limits.demo.conf",
        }
    }
}

/// Where it serves.
#[derive(Debug, Clone, Copy)]
pub struct Listens {
    /// For clients.
    pub public: SocketAddr,
    /// For operators: which limits it was started with.
    pub private: SocketAddr,
}

/// Where a stack's proxy serves, or will.
pub(super) fn listens(ports: &PortBlock) -> Listens {
    Listens { public: ports.address(Use::Nginx, 0), private: ports.address(Use::NginxPrivate, 0) }
}

/// The proxy in front of the edges.
pub(super) fn spec(
    directory: &StackDirectory,
    ports: &PortBlock,
    edges: &[SocketAddr],
    limits: Limits,
) -> Result<PartSpec, StackError> {
    let home = directory.make(NAME)?;
    let listens = listens(ports);
    let arguments = configure(&home, listens, edges, limits)?;
    let proxy = server(directory, NAME, listens.public, (home, arguments));
    Ok(PartSpec { metrics: Some(listens.private), ..proxy })
}

/// The forwarder, which moves bytes and reads no HTTP, in front of the same edges.
pub(super) fn forwarder_spec(
    directory: &StackDirectory,
    ports: &PortBlock,
    edges: &[SocketAddr],
) -> Result<PartSpec, StackError> {
    let home = directory.make(FORWARDER)?;
    let address = ports.address(Use::Nginx, 1);
    let config = home.join("nginx.conf");
    let values = [("LISTEN", address.to_string()), ("EDGES", upstream_servers(edges))];
    repository::render("nginx/stream.conf", &config, &values)?;
    let arguments = arguments(&home, &config);
    Ok(server(directory, FORWARDER, address, (home, arguments)))
}

/// An NGINX with its workers.
fn server(
    directory: &StackDirectory,
    name: &str,
    address: SocketAddr,
    (home, mut arguments): (PathBuf, Vec<OsString>),
) -> PartSpec {
    arguments.extend(["-g".into(), "daemon off;".into()]);
    PartSpec {
        name: name.to_owned(),
        kind: PartKind::Nginx,
        address,
        metrics: None,
        program: system_program("nginx"),
        arguments,
        environment: Vec::new(),
        more_environment: Vec::new(),
        directory: home,
        log: directory.log(name),
        // Its master takes the workers along, which SIGKILL would not let it.
        when_rig_dies: WhenRigDies::Terminate,
        end_within: Duration::from_secs(5),
    }
}

/// An NGINX outside of any stack, its configuration filled in below `home`. It is one process, which
/// ends when the child is dropped.
pub fn nginx_command(
    home: &Path,
    listens: Listens,
    edges: &[SocketAddr],
    limits: Limits,
) -> Result<Command, StackError> {
    let mut command = Command::new(system_program("nginx"));
    command
        .args(configure(home, listens, edges, limits)?)
        .args(["-g", "daemon off; master_process off;"])
        .kill_on_drop(true);
    Ok(command)
}

/// Fills in `nginx/nginx.conf` below `home` and returns the arguments that NGINX runs with.
fn configure(
    home: &Path,
    listens: Listens,
    edges: &[SocketAddr],
    limits: Limits,
) -> Result<Vec<OsString>, StackError> {
    let config = home.join("nginx.conf");
    let limits = repository::file(limits.file());
    let directives = std::fs::read_to_string(&limits)
        .map_err(StackError::io(format!("read {}", limits.display())))?;
    let values = [
        ("LISTEN", listens.public.to_string()),
        ("PRIVATE", listens.private.to_string()),
        ("EDGES", upstream_servers(edges)),
        ("NGINX", repository::file("nginx").display().to_string()),
        ("LIMITS", limits.display().to_string()),
        ("LIMITS_SAID", said(&directives)),
    ];
    repository::render("nginx/nginx.conf", &config, &values)?;
    Ok(arguments(home, &config))
}

fn arguments(home: &Path, config: &Path) -> Vec<OsString> {
    vec!["-p".into(), home.into(), "-c".into(), config.into(), "-e".into(), "stderr".into()]
}

/// The directives of a file of limits in a line, as `nginx/start.sh` makes them: NGINX would take what
/// follows a `$` for a variable.
fn said(text: &str) -> String {
    let directives = text.lines().filter(|line| line.starts_with("limit_"));
    let words = directives.flat_map(str::split_ascii_whitespace);
    words.map(|word| word.replace('$', "")).collect::<Vec<_>>().join(" ")
}

/// Lines of an upstream block. An edge that fails three times in a second is left alone for one.
fn upstream_servers(edges: &[SocketAddr]) -> String {
    if edges.is_empty() {
        // NGINX wants one at least.
        return "server 127.0.0.1:1 down;".to_owned();
    }
    let servers: Vec<String> =
        edges.iter().map(|edge| format!("server {edge} max_fails=3 fail_timeout=1s;")).collect();
    servers.join("\n    ")
}
