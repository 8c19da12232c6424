//! Loopback ports: each stack holds a block of them, so that stacks side by side never meet.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process;
use std::sync::atomic::{AtomicU16, Ordering};

use super::error::StackError;

/// Below the range from which the kernel takes ports for outgoing connections (32768 and up).
const FIRST: u16 = 20_000;
/// Ports of one stack.
const BLOCK: u16 = 112;
/// Blocks that are tried.
const BLOCKS: u16 = 114;

/// Edges of one stack, those among them that benches add and end: a port is one edge's.
pub(super) const EDGES: u16 = 16;
/// Servers to compare with, of one stack.
pub(super) const BASELINES: u16 = 16;

/// Where each kind's ports begin within a block. Of the kinds that have no number above there are
/// eight parts at most, of Kafka four.
#[derive(Debug, Clone, Copy)]
pub(super) enum Use {
    /// Redis, for clients.
    Redis = 0,
    /// Redis, between its nodes.
    RedisBus = 8,
    /// Kafka, for clients and between brokers.
    Kafka = 16,
    /// Kafka, over TLS.
    KafkaTls = 20,
    /// Kafka, between controllers.
    KafkaController = 24,
    /// MySQL.
    Mysql = 32,
    /// NGINX.
    Nginx = 33,
    /// NGINX, for operators.
    NginxPrivate = 36,
    /// NGINX, over TLS.
    NginxTls = 39,
    /// Edges, public.
    Edge = 40,
    /// Edges, private: metrics.
    EdgeMetrics = 40 + EDGES as isize,
    /// Persisters: metrics and health.
    PersisterMetrics = 72,
    /// Servers that the bench compares with.
    Baseline = 80,
    /// Persisters: the admin API.
    PersisterAdmin = 80 + BASELINES as isize,
    /// Redis, over TLS.
    RedisTls = 88 + BASELINES as isize,
}

/// A block of ports that no other stack uses while this value lives.
#[derive(Debug)]
pub(super) struct PortBlock {
    first: u16,
    // The lock ends with the process, however it ends.
    _lock: File,
}

impl PortBlock {
    /// Takes the first block that is free; `directory` keeps the locks.
    pub(super) fn claim(directory: &Path) -> Result<Self, StackError> {
        std::fs::create_dir_all(directory)
            .map_err(StackError::io(format!("make {}", directory.display())))?;
        for block in 0..BLOCKS {
            let first = FIRST + block * BLOCK;
            let path = directory.join(first.to_string());
            let lock =
                File::create(&path).map_err(StackError::io(format!("open {}", path.display())))?;
            if lock.try_lock().is_ok() && all_free(first) {
                return Ok(Self { first, _lock: lock });
            }
        }
        Err(StackError::NoPorts { first: FIRST, last: FIRST + BLOCKS * BLOCK - 1 })
    }

    /// The address of the part with this number, from 0.
    pub(super) fn address(&self, of: Use, number: u16) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.first + of as u16 + number).into()
    }
}

/// An address for a server that a test starts itself: of a loopback IP of this process's own, from
/// which nobody connects. A port of 127.0.0.1 may be an outgoing connection's, or another test's,
/// between the moment that it is found free and the moment that the server takes it.
///
/// # Panics
///
/// After 45,000 addresses.
pub fn own_address() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(FIRST);
    // Processes have numbers of up to 22 bits: 127.64.0.0 to 127.127.255.255.
    let [_, high, middle, low] = process::id().to_be_bytes();
    let port = NEXT.fetch_add(1, Ordering::Relaxed);
    assert!(port >= FIRST, "no address is left");
    (Ipv4Addr::new(127, 64 | high & 63, middle, low), port).into()
}

/// Whether nobody else, another user's stack for instance, listens in the block.
fn all_free(first: u16) -> bool {
    (first..first + BLOCK).all(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_stacks_never_get_the_same_block() {
        let directory =
            std::env::temp_dir().join(format!("firstcome-ports-{}", std::process::id()));
        let one = PortBlock::claim(&directory).unwrap();
        let two = PortBlock::claim(&directory).unwrap();
        assert_ne!(one.first, two.first);
        std::fs::remove_dir_all(&directory).unwrap();
    }

    #[test]
    fn the_last_of_a_kind_has_no_port_of_another_kind() {
        let mut ends = Vec::new();
        let kinds = [
            (Use::Kafka, 4, Use::KafkaTls),
            (Use::KafkaTls, 4, Use::KafkaController),
            (Use::Edge, EDGES, Use::EdgeMetrics),
            (Use::EdgeMetrics, EDGES, Use::PersisterMetrics),
            (Use::PersisterMetrics, 8, Use::Baseline),
            (Use::Baseline, BASELINES, Use::PersisterAdmin),
            (Use::PersisterAdmin, 8, Use::RedisTls),
        ];
        for (kind, most, next) in kinds {
            ends.push((kind as u16 + most, next as u16));
        }
        assert!(ends.iter().all(|(end, next)| end <= next), "{ends:?}");
        assert_eq!(Use::RedisTls as u16 + 8, BLOCK);
        const { assert!(FIRST + BLOCKS * BLOCK <= 32_768, "outgoing connections take those") };
    }

    #[test]
    fn own_addresses_are_of_loopback_and_differ() {
        let (one, two) = (own_address(), own_address());
        assert_ne!(one, two);
        assert!(one.ip().is_loopback() && one.ip() != Ipv4Addr::LOCALHOST, "{one}");
        let _listens = TcpListener::bind(one).unwrap();
        // Nobody's outgoing connection comes from there.
        let from = std::net::TcpStream::connect(one).unwrap().local_addr().unwrap();
        assert_eq!(from.ip(), Ipv4Addr::LOCALHOST);
    }
}
