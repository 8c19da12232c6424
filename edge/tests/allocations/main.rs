//! How often an answer from memory asks the allocator for memory: a count, so that a change which
//! makes the way of a claim dearer is seen whatever the machine is doing.
//!
//! The whole edge runs in this process, on the stack that `FIRSTCOME_STACK` names; every allocation
//! counts, hyper's as well. So nothing else may run here, and the client allocates nothing.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod client;
mod counting;
mod edge;

use client::Client;

/// Allocations of one sold-out answer from memory, from reading the request to writing the answer.
const ALLOWED: usize = 9;

/// Requests of one sample. The edge's own work (it looks at the cluster and at Kafka) falls into
/// few of the samples, and the one in the middle has none of it.
const SAMPLE: usize = 50;
const SAMPLES: usize = 101;

#[test]
fn a_sold_out_answer_from_memory_allocates_little() {
    let edge = edge::sold_out();
    let mut client = Client::connect(edge.address, &edge.event, edge::WINNER + 1);
    // Buffers grow, memory is renewed, the winners are read.
    (0..SAMPLE * 20).for_each(|_| client.is_told_sold_out());
    let mut samples: Vec<usize> = (0..SAMPLES).map(|_| sample(&mut client)).collect();
    samples.sort_unstable();
    let middle = samples[SAMPLES / 2];
    let each = middle.div_ceil(SAMPLE);
    println!("{middle} allocations for {SAMPLE} answers; fewest {}", samples[0]);
    assert!(each <= ALLOWED, "{each} allocations an answer; {ALLOWED} are allowed");
}

fn sample(client: &mut Client) -> usize {
    let before = counting::allocations();
    (0..SAMPLE).for_each(|_| client.is_told_sold_out());
    counting::allocations() - before
}
