//! A Lua script and the hash that EVALSHA calls it by.

/// A Lua script of `lua/`, taken into the binary by `include_str!`.
#[derive(Debug, Clone)]
pub struct Script {
    source: &'static str,
    sha1: String,
}

impl Script {
    /// A script from its source; hashes it, so make one and keep it.
    pub fn new(source: &'static str) -> Self {
        Self { source, sha1: fred::util::sha1_hash(source) }
    }

    /// The source, for EVAL.
    pub fn source(&self) -> &'static str {
        self.source
    }

    /// The SHA-1 of the source in hexadecimal digits, for EVALSHA.
    pub fn sha1(&self) -> &str {
        &self.sha1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_one_that_redis_computes() {
        // SCRIPT LOAD "return 1", on Redis 7.0.
        assert_eq!(Script::new("return 1").sha1(), "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
    }
}
