//! MariaDB, in MySQL's place.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, OptsBuilder};
use rustix::process::getuid;
use tokio::process::Command;

use super::certificates::Certificates;
use super::directory::StackDirectory;
use super::error::StackError;
use super::logins::PERSISTER;
use super::part::{PartKind, PartSpec, WhenRigDies};
use super::ports::{PortBlock, Use};
use super::repository::{self, system_program};
use super::status::Login;
use super::step::Step;

const NAME: &str = "mysql-1";
/// Run at each start.
const INIT: &str = "init.sql";
/// Took half a second here.
const INSTALL_WITHIN: Duration = Duration::from_secs(60);

/// How the tables' owner logs in; `ops/mysql/init.sql` makes the users.
pub(super) fn login() -> Login {
    let firstcome = || "firstcome".to_owned();
    Login { user: firstcome(), password: firstcome(), database: firstcome() }
}

/// How a persister logs in, as it takes it.
pub(super) fn persister_url(address: SocketAddr) -> String {
    format!("mysql://{PERSISTER}:{PERSISTER}@{address}/{}", login().database)
}

/// How the tables' owner logs in, as the programs take it.
pub(super) fn url(address: SocketAddr) -> String {
    let Login { user, password, database } = login();
    format!("mysql://{user}:{password}@{address}/{database}")
}

/// The server.
pub(super) fn spec(
    directory: &StackDirectory,
    ports: &PortBlock,
    certificates: Option<&Certificates>,
) -> Result<PartSpec, StackError> {
    let home = directory.make(NAME)?;
    let address = ports.address(Use::Mysql, 0);
    let option = |name: &str, value: String| format!("--{name}={value}").into();
    let path = |file: &str| home.join(file).display().to_string();
    let config = repository::file("ops/mysql/my.cnf").display().to_string();
    let values = [
        ("CLIENTS", address.ip().to_string()),
        ("OWNER_PASSWORD", login().password),
        ("PERSISTER_PASSWORD", PERSISTER.to_owned()),
        ("PERSISTER_TLS", if certificates.is_some() { "SSL" } else { "NONE" }.to_owned()),
    ];
    repository::render("ops/mysql/init.sql", &home.join(INIT), &values)?;
    let mut arguments = vec![
        // Must come first, and keeps the system's own settings out.
        option("defaults-file", config),
        option("datadir", path("data")),
        option("socket", path("sock")),
        option("pid-file", path("pid")),
        option("bind-address", address.ip().to_string()),
        option("port", address.port().to_string()),
        option("init-file", path(INIT)),
    ];
    if let Some(certificates) = certificates {
        arguments.extend([
            option("ssl-cert", certificates.certificate().display().to_string()),
            option("ssl-key", certificates.key().display().to_string()),
        ]);
    }
    if getuid().is_root() {
        // It refuses to run as root unless told so. Becoming another user would lose the death
        // signal of its parent.
        arguments.push("--user=root".into());
    }
    Ok(PartSpec {
        name: NAME.to_owned(),
        kind: PartKind::Mysql,
        address,
        metrics: None,
        tls: certificates.map(|_| address),
        program: system_program("mariadbd"),
        arguments,
        environment: Vec::new(),
        more_environment: Vec::new(),
        directory: home,
        log: directory.log(NAME),
        when_rig_dies: WhenRigDies::Kill,
        end_within: Duration::from_secs(20),
    })
}

/// Makes the server's own tables in a folder, which a first start needs. Its root may log in only
/// through the socket, as the user who runs this.
pub(crate) fn install_command(data: &Path) -> Command {
    let mut command = Command::new("mariadb-install-db");
    command
        .args(["--no-defaults", "--skip-test-db"])
        .arg("--auth-root-authentication-method=socket")
        .arg(format!("--datadir={}", data.display()));
    if getuid().is_root() {
        command.arg("--user=root");
    }
    command
}

/// Prepares the first start.
pub(super) async fn install(directory: &StackDirectory, spec: &PartSpec) -> Result<(), StackError> {
    let command = install_command(&spec.directory.join("data"));
    let step = Step {
        what: "mariadb-install-db".to_owned(),
        advice: "it needs mariadb-server and room in the temporary directory",
        within: INSTALL_WITHIN,
        log: directory.log("mysql-install"),
    };
    step.run(command).await
}

/// Logs in as the tables' owner and pings.
pub(super) async fn ping(address: SocketAddr) -> Result<(), mysql_async::Error> {
    let login = login();
    let options = OptsBuilder::default()
        .ip_or_hostname(address.ip().to_string())
        .tcp_port(address.port())
        .user(Some(login.user))
        .pass(Some(login.password))
        .db_name(Some(login.database));
    let mut connection = Conn::new(options).await?;
    connection.ping().await?;
    connection.disconnect().await
}
