//! What `./dev` can do, one file for each verb.

pub(crate) mod check;
pub(crate) mod demo;
pub(crate) mod event;
pub(crate) mod part;
pub(crate) mod rush;
pub(crate) mod status;
pub(crate) mod table;
pub(crate) mod test;
pub(crate) mod told;
pub(crate) mod up;
pub(crate) mod verdict;

/// The stack that verbs mean when they are not told another.
pub(crate) const DEFAULT_STACK: &str = "dev";
