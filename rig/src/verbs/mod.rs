//! What `./dev` can do, one file for each verb.

pub(crate) mod event;
pub(crate) mod part;
pub(crate) mod status;
pub(crate) mod table;
pub(crate) mod test;
pub(crate) mod up;

/// The stack that verbs mean when they are not told another.
pub(crate) const DEFAULT_STACK: &str = "dev";
