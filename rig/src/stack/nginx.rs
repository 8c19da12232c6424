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
use super::tls::serve_tls;

const NAME: &str = "nginx-1";
const FORWARDER: &str = "nginx-2";
const TLS_PROXY: &str = "nginx-3";

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

/// What a forwarder says of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    /// Nothing: to an edge it comes from the forwarder.
    Nothing,
    /// From where it comes, by the PROXY protocol.
    FromWhere,
}

impl Says {
    fn directive(self) -> &'static str {
        match self {
            Self::Nothing => "off",
            Self::FromWhere => "on",
        }
    }
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
    let arguments = configure_forwarder(&home, address, edges, Says::Nothing)?;
    Ok(server(directory, FORWARDER, address, (home, arguments)))
}

/// A proxy like the stack's own that serves TLS, in front of the same edges.
pub(super) async fn tls_spec(
    directory: &StackDirectory,
    ports: &PortBlock,
    edges: &[SocketAddr],
    limits: Limits,
) -> Result<PartSpec, StackError> {
    let home = directory.make(TLS_PROXY)?;
    serve_tls(&home, tls_address(ports)).await?;
    // Without TLS as well: there it says whether it lives.
    let public = ports.address(Use::Nginx, 2);
    let listens = Listens { public, private: ports.address(Use::NginxPrivate, 1) };
    let arguments = configure(&home, listens, edges, limits)?;
    Ok(server(directory, TLS_PROXY, public, (home, arguments)))
}

/// Where a stack's proxy over TLS serves it.
pub(super) fn tls_address(ports: &PortBlock) -> SocketAddr {
    ports.address(Use::NginxTls, 0)
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
        tls: None,
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
    Ok(alone(configure(home, listens, edges, limits)?))
}

/// The same, as a forwarder.
pub fn forwarder_command(
    home: &Path,
    listen: SocketAddr,
    edges: &[SocketAddr],
    says: Says,
) -> Result<Command, StackError> {
    Ok(alone(configure_forwarder(home, listen, edges, says)?))
}

/// One process, which ends when the child is dropped.
fn alone(arguments: Vec<OsString>) -> Command {
    let mut command = Command::new(system_program("nginx"));
    command.args(arguments).args(["-g", "daemon off; master_process off;"]).kill_on_drop(true);
    command
}

/// Fills in `nginx/stream.conf` below `home` and returns the arguments that NGINX runs with.
fn configure_forwarder(
    home: &Path,
    listen: SocketAddr,
    edges: &[SocketAddr],
    says: Says,
) -> Result<Vec<OsString>, StackError> {
    let config = home.join("nginx.conf");
    let values = [
        ("LISTEN", listen.to_string()),
        ("EDGES", upstream_servers(edges)),
        ("PROXY_PROTOCOL", says.directive().to_owned()),
    ];
    repository::render("nginx/stream.conf", &config, &values)?;
    Ok(arguments(home, &config))
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
