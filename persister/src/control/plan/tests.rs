use contract::event::Confirm;

use super::*;

fn process() -> Process {
    Process { replid: "r1".to_owned(), run_id: "p1".to_owned(), config_epoch: 3 }
}

fn arming(step: EpochStep) -> Option<Arming> {
    Some(Arming {
        step,
        armer: "token".to_owned(),
        identity: "r1".to_owned(),
        run_id: "p1".to_owned(),
        config_epoch: 3,
    })
}

/// Armed in epoch 2, carried at version 4, open.
pub(in crate::control) fn event() -> Event {
    Event {
        event_id: "spring".parse().unwrap(),
        stock: 100,
        per_user_limit: 1,
        opens_at_ms: 0,
        closes_at_ms: 0,
        phase: Phase::Open,
        confirm: Confirm::Replica,
        labels: Default::default(),
        epoch: 2,
        version: 4,
        carried_version: 4,
        waiting_for: String::new(),
        created_at_ms: 1,
        updated_at_ms: 1,
        arming: arming(EpochStep::Open),
        opened_before: true,
        highest_config_epoch: 3,
        changes_due: false,
        rearm_asked: 0,
    }
}

/// Created, never armed.
fn fresh() -> Event {
    Event {
        epoch: 0,
        version: 1,
        carried_version: 0,
        arming: None,
        opened_before: false,
        highest_config_epoch: 0,
        rearm_asked: 0,
        ..event()
    }
}

fn state() -> ShardState {
    ShardState {
        epoch: 2,
        phase: Phase::Open,
        identity: "r1".to_owned(),
        run_id: "p1".to_owned(),
        config_epoch: 3,
        armer: "token".to_owned(),
        opens_ms: 0,
        closes_ms: 0,
        stock: 100,
        held: 7,
        sequence: 7,
        limit: 1,
        version: 4,
        moves: 0,
        lost_wins: false,
    }
}

/// Of an event that was never open.
fn unopened() -> ShardState {
    ShardState { phase: Phase::Arming, held: 0, sequence: 0, version: 0, ..state() }
}

fn present(state: ShardState) -> Sight {
    Sight::Present(process(), Box::new(state))
}

fn said(epoch: u64, version: u64) -> Said {
    let listing = Listing { epoch, version, ..listing(&event()) };
    Said { highest: Some(listing.clone()), latest: Some(listing), archived: false }
}

fn next(event: &Event, state: ShardState) -> Step {
    plan(event, &present(state), Some(&said(2, 4)))
}

fn carry(phase: Phase) -> Step {
    Step::Carry { phase }
}

#[test]
fn where_all_agree_nothing_is_done() {
    assert_eq!(next(&event(), state()), Step::Settled);
}

#[test]
fn a_new_event_is_armed() {
    let sight = Sight::Missing(process());
    assert_eq!(plan(&fresh(), &sight, Some(&Said::default())), Step::Arm);
}

#[test]
fn an_arming_that_was_cut_short_begins_again_with_a_higher_epoch() {
    for step in [EpochStep::Fencing, EpochStep::Arming] {
        let cut = Event { epoch: 1, arming: arming(step), ..fresh() };
        let missing = Sight::Missing(process());
        assert_eq!(plan(&cut, &missing, Some(&said(1, 0))), Step::Arm);
        let older = present(ShardState { epoch: 0, ..unopened() });
        assert_eq!(plan(&cut, &older, Some(&said(1, 0))), Step::Arm);
        let begun = present(ShardState { epoch: 1, ..unopened() });
        assert_eq!(plan(&cut, &begun, Some(&said(1, 0))), Step::Arm);
    }
}

#[test]
fn an_older_backup_that_does_not_know_an_opening_never_arms_as_if_new() {
    let sold = present(ShardState { epoch: 1, held: 7, ..unopened() });
    let raised = Event { epoch: 1_001, ..fresh() };
    let rearm = Step::Rearm(Rearm::OlderEpoch(1));
    assert_eq!(plan(&raised, &sold, Some(&said(1, 0))), rearm);
    let begun = Event { arming: arming(EpochStep::Arming), ..raised.clone() };
    assert_eq!(plan(&begun, &sold, Some(&said(1, 0))), rearm);
    let missing = Sight::Missing(process());
    assert_eq!(plan(&raised, &missing, Some(&said(1, 0))), Step::Rearm(Rearm::Missing));
}

#[test]
fn winners_who_hold_more_than_the_wanted_stock_are_told_once_it_is_carried() {
    let lowered = Event { version: 5, stock: 5, phase: Phase::Closed, ..event() };
    assert_eq!(next(&lowered, state()), carry(Phase::Closed));
    let carried = Event { carried_version: 5, ..lowered };
    let closed = ShardState { version: 5, stock: 5, phase: Phase::Closed, ..state() };
    let step = plan(&carried, &present(closed), Some(&said(2, 5)));
    assert_eq!(step, blocked(Halt::StockBelowHeld(7)));
}

#[test]
fn an_arming_that_was_about_to_open_is_ended_on_the_same_process_only() {
    let opening = Event { arming: arming(EpochStep::Opening), carried_version: 0, ..event() };
    let armed = ShardState { phase: Phase::Arming, identity: String::new(), version: 0, ..state() };
    assert_eq!(next(&opening, armed.clone()), Step::Open);

    let other = ShardState { armer: "another".to_owned(), ..armed.clone() };
    assert_eq!(next(&opening, other), Step::Rearm(Rearm::Interrupted));
    let moved = Process { replid: "r2".to_owned(), ..process() };
    let sight = Sight::Present(moved, Box::new(armed.clone()));
    assert_eq!(plan(&opening, &sight, Some(&said(2, 0))), Step::Rearm(Rearm::Interrupted));
    assert_eq!(next(&event(), armed), Step::Rearm(Rearm::Interrupted));
}

#[test]
fn after_the_shard_was_opened_mysql_and_directory_follow() {
    let opening = Event { arming: arming(EpochStep::Opening), carried_version: 0, ..event() };
    assert_eq!(next(&opening, state()), Step::NoteOpen);
    let open = Event { carried_version: 0, ..event() };
    assert_eq!(plan(&open, &present(state()), Some(&said(2, 0))), Step::Announce);
    assert_eq!(next(&open, state()), Step::NoteCarried);
}

#[test]
fn a_change_of_operators_is_carried_even_while_opening() {
    let changed = Event { version: 5, arming: arming(EpochStep::Opening), ..event() };
    assert_eq!(next(&changed, state()), carry(Phase::Open));
    for phase in [Phase::Paused, Phase::Closed] {
        let changed = Event { version: 5, phase, ..event() };
        assert_eq!(next(&changed, state()), carry(phase));
    }
    let scheduled = ShardState { phase: Phase::Scheduled, version: 3, ..state() };
    assert_eq!(next(&event(), scheduled), carry(Phase::Open));
}

#[test]
fn a_shard_that_differs_at_the_same_version_is_put_right() {
    for other in [
        ShardState { stock: 101, ..state() },
        ShardState { limit: 2, ..state() },
        ShardState { opens_ms: 1, ..state() },
        ShardState { closes_ms: 1, ..state() },
    ] {
        assert_eq!(next(&event(), other), carry(Phase::Open));
    }
}

#[test]
fn units_go_on_sale_again_in_two_steps() {
    let raised = Event { version: 5, stock: 150, ..event() };
    assert_eq!(next(&raised, state()), carry(Phase::Reopening));
    let paused = ShardState { phase: Phase::Paused, version: 3, ..state() };
    assert_eq!(next(&event(), paused), carry(Phase::Reopening));

    let reopening = ShardState { phase: Phase::Reopening, ..state() };
    assert_eq!(next(&event(), reopening.clone()), Step::EndReopening);
    let paused_meanwhile = Event { version: 5, phase: Phase::Paused, ..event() };
    assert_eq!(next(&paused_meanwhile, reopening.clone()), carry(Phase::Paused));
    let raised_meanwhile = Event { version: 5, stock: 200, ..event() };
    assert_eq!(next(&raised_meanwhile, reopening), carry(Phase::Reopening));
}

#[test]
fn the_directory_is_told_again_where_its_last_record_is_an_older_one() {
    let late_writer = Said { latest: said(1, 9).latest, ..said(2, 4) };
    assert_eq!(plan(&event(), &present(state()), Some(&late_writer)), Step::Announce);
    let compacted_away = Said { latest: None, ..said(2, 4) };
    assert_eq!(plan(&event(), &present(state()), Some(&compacted_away)), Step::Announce);
    assert_eq!(plan(&event(), &present(state()), Some(&Said::default())), Step::Announce);
}

#[test]
fn what_was_waited_for_is_cleared() {
    let waited = Event { waiting_for: "Redis".to_owned(), ..event() };
    assert_eq!(next(&waited, state()), Step::NoteCarried);
}

#[test]
fn only_the_replid_of_the_same_process_is_renewed() {
    let renewed = Process { replid: "r2".to_owned(), ..process() };
    let plan_on = |process: &Process, event: &Event, state: ShardState| {
        plan(event, &Sight::Present(process.clone(), Box::new(state)), Some(&said(2, 4)))
    };
    let renew = |from: &str| Step::RenewIdentity { from: from.to_owned(), to: "r2".to_owned() };
    assert_eq!(plan_on(&renewed, &event(), state()), renew("r1"));

    // MySQL was told, the shard not yet; then the other way round.
    let mut told = event();
    told.arming.as_mut().unwrap().identity = "r2".to_owned();
    assert_eq!(plan_on(&renewed, &told, state()), renew("r1"));
    let carried = ShardState { identity: "r2".to_owned(), ..state() };
    assert_eq!(plan_on(&renewed, &event(), carried.clone()), renew("r2"));
    assert_eq!(plan_on(&renewed, &told, carried), Step::Settled);

    let restarted = Process { run_id: "p2".to_owned(), ..renewed.clone() };
    let failed_over = Process { config_epoch: 4, ..renewed };
    for process in [restarted, failed_over] {
        assert_eq!(plan_on(&process, &event(), state()), Step::Rearm(Rearm::Identity));
    }
}

#[test]
fn a_shard_that_lost_an_open_event_is_never_armed_as_if_new() {
    let missing = Sight::Missing(process());
    assert_eq!(plan(&event(), &missing, Some(&said(2, 4))), Step::Rearm(Rearm::Missing));
    let older = ShardState { epoch: 1, ..state() };
    assert_eq!(next(&event(), older), Step::Rearm(Rearm::OlderEpoch(1)));
    let interrupted = Event { arming: arming(EpochStep::Arming), ..event() };
    assert_eq!(next(&interrupted, state()), Step::Rearm(Rearm::Interrupted));
}

#[test]
fn a_mysql_that_went_back_halts() {
    let ahead = ShardState { epoch: 3, ..state() };
    assert_eq!(next(&event(), ahead), blocked(Halt::BehindShard(3)));
    let ahead = ShardState { version: 5, ..state() };
    assert_eq!(next(&event(), ahead), blocked(Halt::BehindShardVersion(5)));
    // An epoch that was raised by hand does not hide an operator's change that is missing.
    let raised = Event { epoch: 1_001, arming: None, ..event() };
    assert_eq!(
        next(&raised, ShardState { version: 5, ..state() }),
        blocked(Halt::BehindShardVersion(5))
    );
    let step = plan(&raised, &present(state()), Some(&said(2, 5)));
    assert_eq!(step, blocked(Halt::BehindDirectory { epoch: 2, version: 5 }));
    for (epoch, version) in [(3, 0), (2, 5)] {
        let step = plan(&event(), &present(state()), Some(&said(epoch, version)));
        assert_eq!(step, blocked(Halt::BehindDirectory { epoch, version }));
    }
    let missing = Sight::Missing(process());
    let halted = plan(&fresh(), &missing, Some(&said(2, 4)));
    assert_eq!(halted, blocked(Halt::BehindDirectory { epoch: 2, version: 4 }));
}

#[test]
fn what_is_away_is_waited_for() {
    assert_eq!(plan(&event(), &present(state()), None), blocked(Waiting::Directory));
    let said = said(2, 4);
    let on = |sight: &Sight| plan(&event(), sight, Some(&said));
    assert_eq!(on(&Sight::NoMaster), blocked(Waiting::NoMaster));
    let away = Sight::Away("timeout".to_owned());
    assert_eq!(on(&away), blocked(Waiting::Shard("timeout".to_owned())));
    let cut_off = Process { config_epoch: 2, ..process() };
    assert_eq!(on(&Sight::Missing(cut_off)), blocked(Waiting::OlderMaster(2)));
}

#[test]
fn changed_coupons_reach_a_shard_that_is_not_open() {
    let due = Event { changes_due: true, ..event() };
    assert_eq!(next(&due, state()), carry(Phase::Reopening));
    let reopening = ShardState { phase: Phase::Reopening, ..state() };
    assert_eq!(next(&due, reopening.clone()), Step::ChangeCoupons);
    assert_eq!(next(&event(), reopening), Step::EndReopening);
    let paused = ShardState { phase: Phase::Paused, ..state() };
    let wanted = Event { phase: Phase::Paused, ..due };
    assert_eq!(next(&wanted, paused), Step::ChangeCoupons);
}

#[test]
fn an_event_is_armed_again_where_reconcile_asks_for_its_epoch() {
    let asked = |epoch| next(&Event { rearm_asked: epoch, ..event() }, state());
    assert_eq!(asked(2), Step::Rearm(Rearm::Asked));
    assert_eq!(asked(1), Step::Settled, "it was armed again since");
    let lost = ShardState { lost_wins: true, ..state() };
    assert_eq!(next(&event(), lost), Step::Rearm(Rearm::WinsMissing));
}

/// Closed at version 4, wanted archived since.
fn to_archive() -> Event {
    Event { phase: Phase::Archived, version: 5, ..event() }
}

#[test]
fn an_event_that_is_to_be_archived_is_closed_everywhere_first() {
    let closed = |version| ShardState { phase: Phase::Closed, version, ..state() };
    assert_eq!(next(&to_archive(), closed(4)), carry(Phase::Closed));
    assert_eq!(next(&to_archive(), closed(5)), Step::Announce);
    let everywhere = Some(said(2, 5));
    let step = plan(&to_archive(), &present(closed(5)), everywhere.as_ref());
    assert_eq!(step, Step::Settle);
    assert_eq!(listing(&to_archive()).phase, Phase::Closed);
    // Coupons that were changed before it was wanted are carried before.
    let changed = Event { changes_due: true, ..to_archive() };
    let step = plan(&changed, &present(closed(5)), everywhere.as_ref());
    assert_eq!(step, Step::ChangeCoupons);
    // Its shard failed over: it may lack wins that Kafka has.
    let replaced = ShardState { identity: "r0".to_owned(), run_id: "p0".to_owned(), ..closed(5) };
    let step = plan(&to_archive(), &present(replaced), everywhere.as_ref());
    assert_eq!(step, Step::Rearm(Rearm::Identity));
    let missing = Sight::Missing(process());
    let step = plan(&to_archive(), &missing, everywhere.as_ref());
    assert_eq!(step, Step::Rearm(Rearm::Missing));
}

#[test]
fn an_archived_event_only_goes_away_whatever_becomes_of_its_shard() {
    let archived = Event { arming: arming(EpochStep::Archived), ..to_archive() };
    let closed = ShardState { phase: Phase::Closed, version: 5, ..state() };
    let promoted = ShardState { identity: "r0".to_owned(), lost_wins: true, ..closed.clone() };
    let sights = [Sight::Missing(process()), present(closed.clone()), present(promoted)];
    for sight in &sights {
        assert_eq!(plan(&archived, sight, Some(&said(2, 5))), Step::Delist, "{sight:?}");
        assert_eq!(plan(&archived, sight, Some(&Said::default())), Step::PutAway, "{sight:?}");
    }
    let noted = Event { carried_version: 5, ..archived.clone() };
    assert_eq!(plan(&noted, &sights[0], Some(&Said::default())), Step::Settled);
    // Somebody knows more than this MySQL.
    let newer = present(ShardState { epoch: 3, ..closed });
    let step = plan(&archived, &newer, Some(&Said::default()));
    assert_eq!(step, blocked(Halt::BehindShard(3)));
}

#[test]
fn what_was_archived_is_never_on_sale_again() {
    let archived = Said { archived: true, ..Said::default() };
    let missing = Sight::Missing(process());
    assert_eq!(plan(&event(), &missing, Some(&archived)), blocked(Halt::ArchivedSince));
    let closed = Event { phase: Phase::Closed, ..event() };
    let step = plan(&closed, &missing, Some(&archived));
    assert_eq!(step, Step::Rearm(Rearm::Missing), "its winners are answered from its rows");
}
