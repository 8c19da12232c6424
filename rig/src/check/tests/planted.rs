//! One violation of every kind, planted into the clean sale.

use contract::coupon::CouponState;
use contract::record::Told;

use super::world::{BEGAN_MS, SOLD_OUT, World, coupon, holding, won};
use crate::check::snapshot::{Letter, LetterState, Rearm, Reason};

/// Changes the clean sale.
pub(super) type Plant = fn(&mut World);

/// What is planted, and every kind that it must be reported as, no more and no less.
pub(super) const PLANTED: &[(&[&str], Plant)] = &[
    // A fourth unit of three, told and stored.
    (&["oversold told", "oversold rows", "oversold redis"], |world| {
        world.asks(240, 340, "fay", "-", &won(4, 4));
        world.stores(|wins| wins.push(holding("fay", 4)));
        world.redis.held = 4;
    }),
    // The third unit goes to bob as well.
    (&["doubled told", "doubled rows", "doubled redis"], |world| {
        world.forget("cid");
        world.asks(240, 340, "bob", "-", &won(3, 3));
        world.stores(|wins| wins[2].user = "bob".parse().unwrap());
    }),
    // The same attempt, another coupon: cid's, which is bob's in truth.
    (&["answer changed", "doubled told", "doubled rows", "doubled redis"], |world| {
        world.forget("cid");
        world.asks(340, 350, "ann", "key-a", &won(3, 3));
        world.stores(|wins| wins[2].user = "ann".parse().unwrap());
    }),
    // A told win that never became a row.
    (&["missing row", "only in redis"], |world| {
        world.mysql.rows.remove(1);
    }),
    // A told win that Redis has forgotten: its user could win again.
    (&["missing in redis", "only a row", "sold out with units left"], |world| {
        world.redis.wins.remove(1);
        world.redis.held = 2;
    }),
    // The row is another user's.
    (&["row differs", "stores disagree"], |world| {
        world.mysql.rows[0].user = "zoe".parse().unwrap();
    }),
    // The row has another number.
    (&["row differs", "stores disagree"], |world| {
        world.mysql.rows[0].sequence = 9;
        world.redis.sequence = 9;
    }),
    // The win in Redis has another number.
    (&["redis differs", "stores disagree"], |world| {
        world.redis.wins[0].sequence = 9;
        world.redis.sequence = 9;
    }),
    // Taken away in one store, held in the other.
    (&["stores disagree"], |world| world.mysql.rows[0].state = CouponState::Revoked),
    // Two coupons with one number.
    (&["number told twice", "number twice in rows", "number twice in redis"], |world| {
        world.first("bob").answer = won(2, 3);
        world.first("cid").asked_us = 205;
        world.stores(|wins| wins[1].sequence = 3);
    }),
    // Ann's coupon told to somebody else.
    (&["coupon twice"], |world| world.asks(120, 220, "fay", "-", &won(1, 1))),
    // Ann's coupon told with another number.
    (&["coupon twice"], |world| world.asks(130, 310, "ann", "-", &won(1, 4))),
    // Ann has hers, asks once more, and is told sold out.
    (
        &[
            "winner told a loss",
            "loser was told a win",
            "loser has a row",
            "loser has a win in redis",
        ],
        |world| world.asks(500, 600, "ann", "key-a", SOLD_OUT),
    ),
    // The same with another loss.
    (&["winner told a loss"], |world| world.asks(500, 600, "ann", "-", "403\tnot_open\t-")),
    // Dan was told sold out and has won: nobody told him.
    (&["loser has a row", "loser has a win in redis"], |world| {
        world.forget("cid");
        world.stores(|wins| wins[2] = holding("dan", 3));
    }),
    // The third unit was never sold.
    (&["sold out with units left"], |world| {
        world.forget("cid");
        world.stores(|wins| wins.truncate(2));
        world.redis.held = 2;
    }),
    // Cid began to ask when dan had been told sold out.
    (&["won after sold out"], |world| {
        world.first("cid").asked_us = 451;
        world.first("cid").answered_us = 470;
    }),
    // Bob had been told number 3 before cid asked, and cid got number 2.
    (&["number went back"], |world| {
        world.first("bob").answer = won(2, 3);
        world.first("cid").answer = won(3, 2);
        world.stores(|wins| {
            wins[1].sequence = 3;
            wins[2].sequence = 2;
        });
    }),
    // The counter that the script decides by is wrong.
    (&["miscounted"], |world| world.redis.held = 2),
    // An arming wrote an older stock.
    (&["stock differs"], |world| world.redis.stock = 2),
    // The next number that is given was given before.
    (&["number behind"], |world| world.redis.sequence = 2),
    // A batch that Kafka never acknowledged.
    (&["not settled"], |world| world.redis.outbox = 1),
    (&["unreadable"], |world| world.redis.unreadable = 1),
    // Above a limit of 1: a third coupon of two, listed to its user.
    (&["doubled told", "doubled rows", "doubled redis"], |world| {
        world.header = world.header.replace("\t3\t1\t", "\t3\t2\t");
        world.mysql.limit = 2;
        world.requests.retain(|request| request.user == "ann");
        let listed = |number| format!("{},{number}", coupon(number));
        let listed = format!("409\tlimit_reached\t{};{};{}", listed(1), listed(2), listed(3));
        world.asks(500, 600, "ann", "key-b", &listed);
        world.stores(|wins| {
            for (nth, win) in (1..).zip(wins) {
                win.user = "ann".parse().unwrap();
                win.nth = nth;
            }
        });
    }),
    // Above a limit of 1: the same attempt had won.
    (&["winner told a loss", "loser was told a win"], |world| {
        world.header = world.header.replace("\t3\t1\t", "\t3\t2\t");
        world.mysql.limit = 2;
        world.asks(500, 600, "ann", "key-a", SOLD_OUT);
    }),
    // A void win that a client was told of.
    (&["void told", "missing row", "missing in redis"], |world| {
        world.requests.retain(|request| request.user != "dan" && request.user != "eve");
        world.forget("cid");
        world.asks(230, 330, "cid", "-", &won(9, 3));
        world.stores(|wins| wins.truncate(2));
        world.redis.held = 2;
        world.mysql.letters.push(void(9, Told::Pending));
    }),
    // A void win that a replica held: it was free to be told.
    (&["void told"], |world| world.mysql.letters.push(void(9, Told::Replica))),
    // Ann's coupon was returned, but only after bob was told a third one: above the limit then.
    (&["doubled told", "oversold told"], |world| {
        world.asks(340, 350, "bob", "-", &won(4, 4));
        world.operates(400_000, 400_100, &format!("return\t{}", coupon(2)));
        world.stores(|wins| {
            wins[1].state = CouponState::Returned;
            wins.push(holding("bob", 4));
            wins[3].nth = 2;
        });
        world.redis.sequence = 4;
    }),
    // One unit more than there were at that moment; it came later.
    (&["oversold told"], |world| {
        world.asks(240, 340, "fay", "-", &won(4, 4));
        world.operates(400_000, 400_100, "top_up\t1");
        world.redis.stock = 4;
        world.redis.held = 4;
        world.mysql.stock = 4;
        world.stores(|wins| wins.push(holding("fay", 4)));
    }),
    // Gus began after sold out and won before the top-up was begun.
    (&["oversold told", "won after sold out"], |world| {
        topped_up(world, 1_000_000);
        world.asks(500_000, 600_000, "gus", "-", &won(4, 4));
        world.stores(|wins| wins.push(holding("gus", 4)));
    }),
    // A top-up of long before sold out explains no win after it.
    (&["won after sold out"], |world| {
        topped_up(world, 50);
        world.asks(600_000, 700_000, "hal", "-", SOLD_OUT);
        world.asks(800_000, 900_000, "gus", "-", &won(4, 4));
        world.stores(|wins| wins.push(holding("gus", 4)));
    }),
    // Dan was told sold out; a top-up of long before that explains no win of his.
    (&["loser was told a win", "loser has a row", "loser has a win in redis"], |world| {
        topped_up(world, 50);
        world.asks(600_000, 700_000, "gus", "-", SOLD_OUT);
        world.asks(650_000, 750_000, "gus", "-", &won(4, 4));
        world.stores(|wins| wins.push(holding("gus", 4)));
    }),
    // One unit came back, and two claims won.
    (&["too many after sold out", "oversold told", "oversold rows", "oversold redis"], |world| {
        topped_up(world, 1_000_000);
        world.asks(1_200_000, 1_300_000, "gus", "-", &won(4, 4));
        world.asks(1_200_000, 1_300_000, "hal", "-", &won(5, 5));
        world.stores(|wins| wins.extend([holding("gus", 4), holding("hal", 5)]));
        world.redis.held = 5;
    }),
    // A top-up, nobody takes it, and somebody is told sold out after it.
    (&["sold out with units left"], |world| {
        topped_up(world, 1_000_000);
        world.redis.held = 3;
        world.asks(1_500_000, 1_600_000, "gus", "-", SOLD_OUT);
    }),
    // Cid asked when the pause had taken effect, and won before the resume was begun.
    (&["won while stopped"], |world| {
        world.operates(205, 220, "pause\t-");
        world.operates(340, 345, "resume\t-");
    }),
    // And the same with a close.
    (&["won while stopped"], |world| world.operates(205, 220, "close\t-")),
    // The same attempt was told another coupon before the first was returned.
    (&["answer changed", "doubled told"], |world| {
        world.forget("cid");
        world.asks(340, 350, "ann", "key-a", &won(3, 3));
        world.operates(400_000, 400_100, &format!("return\t{}", coupon(1)));
        world.asks(800_000, 800_100, "fay", "-", &won(4, 4));
        world.stores(|wins| {
            wins[0].state = CouponState::Returned;
            wins[2].user = "ann".parse().unwrap();
            wins[2].nth = 2;
            wins.push(holding("fay", 4));
        });
    }),
    // Ann's was returned, and ann is told that it is hers.
    (&["told though returned"], |world| {
        world.operates(400_000, 400_100, &format!("return\t{}", coupon(1)));
        world.asks(500_000, 500_100, "ann", "key-a", &won(1, 1));
        world.asks(800_000, 800_100, "fay", "-", &won(4, 4));
        world.stores(|wins| {
            wins[0].state = CouponState::Returned;
            wins.push(holding("fay", 4));
        });
    }),
    // Ann's was withdrawn, and ann is told that it is hers.
    (&["told though returned"], |world| {
        withdrawn(world);
        world.asks(500_000, 500_100, "ann", "key-a", &won(1, 1));
    }),
    // Ann's was withdrawn, which keeps her place; and she wins another.
    (&["doubled told", "doubled rows", "doubled redis", "answer changed"], |world| {
        withdrawn(world);
        world.forget("fay");
        world.asks(800_000, 800_100, "ann", "key-a", &won(4, 4));
        world.stores(|wins| {
            wins[3].user = "ann".parse().unwrap();
            wins[3].nth = 2;
        });
    }),
    // Ann's was withdrawn, and its unit was sold before that.
    (&["oversold told", "won after sold out"], |world| {
        withdrawn(world);
        world.forget("fay");
        world.asks(390_000, 395_000, "fay", "-", &won(4, 4));
    }),
    // Ann's was withdrawn, and the shard counts its unit still.
    (&["miscounted"], |world| {
        withdrawn(world);
        world.redis.held = 4;
    }),
    // Ann was told a loss before hers was returned.
    (&["winner told a loss"], |world| {
        world.asks(500, 600, "ann", "key-a", SOLD_OUT);
        world.operates(400_000, 400_100, &format!("return\t{}", coupon(1)));
        world.asks(800_000, 800_100, "fay", "-", &won(4, 4));
        world.stores(|wins| {
            wins[0].state = CouponState::Returned;
            wins.push(holding("fay", 4));
        });
    }),
    // A re-arm of long before sold out explains no win after it.
    (&["won after sold out", "oversold told", "oversold rows", "oversold redis"], |world| {
        world.mysql.epoch = 2;
        world.mysql.rearms.push(Rearm {
            epoch: 2,
            started_ms: BEGAN_MS,
            opened_ms: Some(BEGAN_MS),
        });
        world.asks(2_000_000, 2_100_000, "hal", "-", SOLD_OUT);
        world.asks(2_200_000, 2_300_000, "gus", "-", &won(4, 4));
        world.stores(|wins| wins.push(holding("gus", 4)));
        world.redis.held = 4;
    }),
];

/// Ann's coupon is taken away, and fay wins its unit.
pub(super) fn withdrawn(world: &mut World) {
    world.operates(400_000, 400_100, &format!("withdraw\t{}", coupon(1)));
    world.asks(800_000, 800_100, "fay", "-", &won(4, 4));
    world.stores(|wins| {
        wins[0].state = CouponState::Withdrawn;
        wins.push(holding("fay", 4));
    });
}

/// One unit more, noted.
fn topped_up(world: &mut World, begun_us: u64) {
    world.operates(begun_us, begun_us + 10, "top_up\t1");
    world.redis.stock = 4;
    world.redis.held = 4;
    world.mysql.stock = 4;
}

fn void(number: u64, told: Told) -> Letter {
    Letter {
        coupon: Some(coupon(number)),
        reason: Reason::Void,
        told: Some(told),
        state: LetterState::Waits,
    }
}
