//! What `./dev` can do, one file for each verb.

pub(crate) mod alerts;
pub(crate) mod bench;
pub(crate) mod check;
pub(crate) mod demo;
pub(crate) mod drill;
pub(crate) mod event;
pub(crate) mod faults;
pub(crate) mod fuzz;
pub(crate) mod operators;
pub(crate) mod part;
pub(crate) mod rush;
pub(crate) mod status;
pub(crate) mod table;
pub(crate) mod test;
pub(crate) mod tokens;
pub(crate) mod told;
pub(crate) mod up;
pub(crate) mod verdict;

pub(crate) use rig::stack::DEFAULT_NAME as DEFAULT_STACK;
