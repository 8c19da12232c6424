//! The protocol holds within every quick bound, and every step whose removal is known to break
//! something does break it.
//!
//! One test searches after another inside itself, so that the whole stays small in memory.

use model::bounds::QUICK;
use model::invariants::Set;
use model::machine::{Found, Protocol};
use model::removals::{BREAKING, NOTHING_FOUND};
use model::steps::{ALL, Step, Steps};
use model::trace;

/// Far above what any quick bound needs: a search that reaches it has not seen everything.
const LIMIT: usize = 10_000_000;

fn search(protocol: Protocol) -> Found {
    protocol.search(1, LIMIT)
}

#[test]
fn with_all_rules_nothing_breaks() {
    for bound in QUICK {
        let found = search(Protocol { bound: *bound, steps: Steps::all(), watch: Set::ALL });
        let story = found.counterexample.as_ref().map(trace::story);
        assert_eq!(story, None, "in the bound {}", bound.name);
        assert!(found.whole, "the bound {} was not searched to its end", bound.name);
        assert!(found.heals, "no path of the bound {} leads back on sale", bound.name);
        println!("{}: {} states, depth {}", bound.name, found.states, found.depth);
    }
}

#[test]
fn without_each_step_the_named_invariant_breaks() {
    for removal in BREAKING {
        for (invariant, bound) in removal.breaks {
            let steps = Steps::without(removal.steps);
            let found = search(Protocol { bound: *bound, steps, watch: Set::only(*invariant) });
            let names: Vec<_> = removal.steps.iter().map(|step| step.name()).collect();
            let counterexample = found.counterexample.unwrap_or_else(|| {
                panic!("{invariant:?} holds without {} in {}", names.join(","), bound.name)
            });
            assert_eq!(counterexample.invariant, *invariant);
            let story = trace::story(&counterexample);
            assert!(story.contains(invariant.says()), "{story}");
        }
    }
}

#[test]
fn every_step_is_shown_to_matter_or_listed_as_not_shown() {
    for (step, name, _) in ALL {
        let alone = BREAKING.iter().any(|removal| removal.steps == [*step]);
        let listed = NOTHING_FOUND.iter().any(|(its, _)| its == step);
        assert!(alone != listed, "{name}: either a counterexample or an honest word");
    }
}

#[test]
fn names_are_distinct_and_lead_back_to_their_step() {
    for (step, name, why) in ALL {
        assert_eq!(Step::named(name), Some(*step));
        assert!(!why.is_empty());
    }
}
