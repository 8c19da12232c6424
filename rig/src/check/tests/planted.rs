//! One violation of every kind, planted into the clean sale.

use contract::coupon::CouponState;

use super::world::{SOLD_OUT, World, coupon, holding, won};

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
    (&["row differs", "stores disagree"], |world| world.mysql.rows[0].sequence = 9),
    // The win in Redis has another number.
    (&["redis differs", "stores disagree"], |world| world.redis.wins[0].sequence = 9),
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
];
