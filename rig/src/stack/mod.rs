//! The local stack: real servers as child processes on loopback ports, below one directory.
//!
//! [`Stack::start`] runs one inside this process; [`Handle`] reaches one that another rig runs.

mod admin_tokens;
mod away;
mod certificates;
mod control;
mod directory;
mod edge;
mod error;
mod extra;
mod handle;
mod kafka;
mod kafka_jars;
mod leftovers;
pub mod logins;
mod mounts;
mod mysql;
mod nginx;
mod part;
mod part_task;
mod persister;
mod plan;
mod ports;
mod ready;
mod redis;
mod repository;
mod running;
mod spawn;
mod status;
mod step;
mod supervisor;
mod tls;
mod topics;
mod wait;

pub use admin_tokens::AdminRole;
pub use away::Away;
pub use directory::running as running_stacks;
pub use error::StackError;
pub use handle::{DEFAULT_NAME, Guard, Handle, exclusive, shared};
pub(crate) use mysql::install_command as install_mysql;
pub use nginx::{Limits, Listens, Says, forwarder_command, nginx_command};
pub use part::{NextStart, PartKind};
pub use plan::StackOptions;
pub use ports::own_address;
pub use repository::{root as repository_root, system_program};
pub use running::Stack;
pub use spawn::{group as group_at, groups_are_allowed};
pub use status::{Login, PartState, PartStatus, Status};
pub use supervisor::Action;
pub use tls::serve_tls;
pub use wait::{TooLate, wait_until};
