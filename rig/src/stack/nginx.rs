//! NGINX, with the repository's `nginx/` files.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::time::Duration;

use clap::ValueEnum;

use super::directory::StackDirectory;
use super::error::StackError;
use super::part::{PartKind, PartSpec, WhenRigDies};
use super::ports::{PortBlock, Use};
use super::repository::{self, system_program};

const NAME: &str = "nginx-1";

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

/// The proxy in front of the edges, its configuration written.
pub(super) fn spec(
    directory: &StackDirectory,
    ports: &PortBlock,
    edges: &[SocketAddr],
    limits: Limits,
) -> Result<PartSpec, StackError> {
    let home = directory.make(NAME)?;
    let address = ports.address(Use::Nginx, 0);
    let config = home.join("nginx.conf");
    let path = |path: &std::path::Path| path.display().to_string();
    let values = [
        ("LISTEN", address.to_string()),
        ("EDGES", upstream_servers(edges)),
        ("NGINX", path(&repository::file("nginx"))),
        ("LIMITS", path(&repository::file(limits.file()))),
        ("DIRECTORY", path(&home)),
    ];
    repository::render("nginx/nginx.conf", &config, &values)?;
    let arguments: [OsString; 8] = [
        "-p".into(),
        home.clone().into(),
        "-c".into(),
        config.into(),
        "-e".into(),
        "stderr".into(),
        "-g".into(),
        "daemon off;".into(),
    ];
    Ok(PartSpec {
        name: NAME.to_owned(),
        kind: PartKind::Nginx,
        address,
        metrics: None,
        program: system_program("nginx"),
        arguments: arguments.into(),
        environment: Vec::new(),
        directory: home,
        log: directory.log(NAME),
        // Its master takes the workers along, which SIGKILL would not let it.
        when_rig_dies: WhenRigDies::Terminate,
        end_within: Duration::from_secs(5),
    })
}

/// Lines of an upstream block. An edge that fails three times in a second is left alone for one.
fn upstream_servers(edges: &[SocketAddr]) -> String {
    let servers: Vec<String> =
        edges.iter().map(|edge| format!("server {edge} max_fails=3 fail_timeout=1s;")).collect();
    servers.join("\n    ")
}
