//! Owns the tests of `segue::store` against a real server: who may make it, who may write, and that a
//! superseded supervisor touches nothing.

use segue::catalog::Catalog;
use segue::clock::{self, Deadline};
use segue::compile::program::{FORMAT, Program};
use segue::control::policy::Policy;
use segue::control::state::Goal;
use segue::ident::Ident;
use segue::pg::{Config, Limits, Session};
use segue::sandbox::{Database, database};
use segue::store::{self, *};
use serde_json::{Value, json};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(90);
/// No test waits for its end, and none may come to it.
const TTL: Duration = Duration::from_secs(3600);

/// A transaction that waits for what the test does beside it is not ended by the server.
const STAYS: &str = "SET LOCAL idle_in_transaction_session_timeout = 0";

async fn open_as(database: &Database, user: &str) -> Session {
    let url = database.url().replace("postgres@", &format!("{user}@"));
    Session::open(&Config::resolve(Some(&url), &|_| None).unwrap(), "test", LONG).await.unwrap()
}

async fn open(database: &Database) -> Session {
    open_as(database, "postgres").await
}

/// A database with Segue's schema in it, and a session.
async fn ready() -> (Database, Session) {
    let database = database().unwrap();
    let mut session = open(&database).await;
    assert_eq!(init(&mut session).await.unwrap(), 0);
    (database, session)
}

fn public() -> Ident {
    Ident::from("public")
}

fn program(plan: &str) -> Program {
    Program {
        format: FORMAT,
        plan: plan.into(),
        description: None,
        schema: public(),
        version_schema: Ident::new(format!("public_{plan}")),
        previous_version_schema: None,
        checks: vec![],
        views: vec![],
        objects: Vec::new(),
        types: Default::default(),
        owned: Default::default(),
        steps: vec![],
    }
}

async fn claim(session: &Session, holder: &str, ttl: Duration) -> Claim {
    acquire(session, &public(), holder, &json!({"version": "test"}), ttl).await.unwrap()
}

async fn won(session: &Session, holder: &str, ttl: Duration) -> Lease {
    match claim(session, holder, ttl).await {
        Claim::Won(lease) => lease,
        Claim::Held(by) => panic!("held by {by:?}"),
    }
}

async fn begin(session: &mut Session, lease: &Lease, plan: &str) -> Result<Rollout, Error> {
    let (program, policy, catalog) = (program(plan), Policy::default(), Catalog::default());
    let new = NewRollout {
        program: &program,
        plan_text: "operations: []",
        policy: &policy,
        catalog_before: &catalog,
        goal: Goal::Ready,
    };
    create_rollout(session, lease, &new, &[("started", json!({"plan": plan}))]).await
}

fn fence_of(rollout: &Rollout) -> Fence {
    Fence { rollout: rollout.id, term: rollout.term }
}

async fn count(session: &Session, sql: &str) -> i64 {
    session.query_one("counting", sql, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn many_inits_at_once_make_one_schema() {
    let database = database().unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let mut session = open(&database).await;
        tasks.spawn(async move { init(&mut session).await });
    }
    let mut made = 0;
    while let Some(result) = tasks.join_next().await {
        made += i32::from(result.unwrap().unwrap() == 0);
    }
    assert_eq!(made, 1);
    let mut session = open(&database).await;
    assert_eq!(stored(&session).await.unwrap(), Stored::Current);
    assert_eq!(init(&mut session).await.unwrap(), VERSION);
}

#[tokio::test]
async fn an_older_schema_is_upgraded_with_what_is_in_it() {
    let database = database().unwrap();
    let first = format!("CREATE SCHEMA segue; {}", include_str!("../src/store/schema_1.sql"));
    database.query(&first).unwrap();
    let tune = "INSERT INTO segue.commands (kind, args) VALUES ('tune', '{\"rate\": 1}')";
    assert!(database.query(tune).is_err());
    database.query("INSERT INTO segue.commands (kind) VALUES ('pause')").unwrap();
    let mut session = open(&database).await;
    assert_eq!(stored(&session).await.unwrap(), Stored::Older(1));
    assert_eq!(init(&mut session).await.unwrap(), 1);
    assert_eq!(stored(&session).await.unwrap(), Stored::Current);
    database.query(tune).unwrap();
    let kinds = (command(&session, 2).await.unwrap(), command(&session, 3).await.unwrap());
    let kinds = (kinds.0.map(|c| c.kind), kinds.1.map(|c| c.kind));
    assert_eq!(kinds, (Some(CommandKind::Pause), Some(CommandKind::Tune)));
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_alone() {
    let (_database, mut session) = ready().await;
    session.batch("ageing", "UPDATE segue.meta SET version = 99").await.unwrap();
    let error = init(&mut session).await.unwrap_err();
    assert!(matches!(error, Error::Newer { stored: 99, known: VERSION }), "{error}");
    assert!(error.to_string().contains("Use a newer segue"));
    assert!(stored(&session).await.is_err());
}

#[tokio::test]
async fn a_role_that_may_not_says_which_grant() {
    let database = database().unwrap();
    let role = format!("limited_{}", database.name());
    database.query(&format!("CREATE ROLE {role} LOGIN")).unwrap();
    let mut session = open_as(&database, &role).await;
    assert_eq!(stored(&session).await.unwrap(), Stored::Absent);
    let error = init(&mut session).await.unwrap_err().to_string();
    let grant = format!("GRANT CREATE ON DATABASE \"{}\" TO \"{role}\";", database.name());
    assert!(error.contains(&grant), "{error}");

    let mut owner = open(&database).await;
    init(&mut owner).await.unwrap();
    let error = stored(&session).await.unwrap_err().to_string();
    assert!(error.contains(&format!("GRANT USAGE ON SCHEMA segue TO \"{role}\";")), "{error}");
    // What the messages say is enough, in their order.
    for _ in 0..2 {
        match init(&mut session).await {
            Err(Error::Privilege { grant, .. }) => drop(database.query(&grant.join(" ")).unwrap()),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(init(&mut session).await.unwrap(), VERSION);
    let lease = won(&session, "limited", TTL).await;
    let rollout = begin(&mut session, &lease, "a").await.unwrap();
    append(&session, fence_of(&rollout), "note", &json!({})).await.unwrap();
    drop(session);
    database.query(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).unwrap();
}

#[tokio::test]
async fn public_may_do_nothing() {
    let (database, session) = ready().await;
    let sql = "SELECT count(*) FROM pg_namespace n
                 LEFT JOIN LATERAL (SELECT relacl AS acl FROM pg_class WHERE relnamespace = n.oid
                                     UNION ALL SELECT proacl FROM pg_proc WHERE pronamespace = n.oid) o ON true
                CROSS JOIN LATERAL (SELECT (aclexplode(n.nspacl)).grantee UNION ALL
                                    SELECT (aclexplode(o.acl)).grantee) a
                WHERE n.nspname = 'segue' AND a.grantee = 0";
    assert_eq!(count(&session, sql).await, 0, "in {}", database.name());
}

#[tokio::test]
async fn sixteen_claim_and_one_wins_each_round() {
    let (database, session) = ready().await;
    for round in 1..=4 {
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..16 {
            let session = open(&database).await;
            // The session comes back and stays open: a lease whose holder's session is gone may be claimed.
            tasks.spawn(async move { (claim(&session, &format!("host:{round}-{n}"), TTL).await, session) });
        }
        let mut terms = vec![];
        let mut sessions = vec![];
        while let Some(ended) = tasks.join_next().await {
            let (claim, session) = ended.unwrap();
            sessions.push(session);
            match claim {
                Claim::Won(lease) => terms.push(lease.term),
                Claim::Held(by) => assert!(by.is_none_or(|by| by.alive)),
            }
        }
        assert_eq!(terms, [round], "the round is the term");
        session.batch("expiring", "UPDATE segue.lease SET expires_at = clock_timestamp()").await.unwrap();
    }
}

#[tokio::test]
async fn a_lease_whose_holder_was_killed_is_not_waited_for() {
    let (database, session) = ready().await;
    let holder = open(&database).await;
    let first = won(&holder, "a:1", TTL).await;
    assert!(matches!(claim(&session, "b:1", TTL).await, Claim::Held(Some(seen)) if seen.connected));
    let pid = holder.backend_pid();
    drop(holder);
    let gone = format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {pid}");
    let deadline = Deadline::after(LONG);
    while count(&session, &gone).await > 0 {
        assert!(!deadline.passed(), "the backend of a dropped session goes");
        tokio::task::yield_now().await;
    }
    let Claim::Won(second) = claim(&session, "b:1", TTL).await else { panic!("the lease is free") };
    assert_eq!(second.term, first.term + 1);
}

#[tokio::test]
async fn a_lease_is_renewed_released_and_lost() {
    let (_database, session) = ready().await;
    let mut first = won(&session, "a:1", TTL).await;
    let confirmed = first.confirmed;
    renew(&session, &mut first, None).await.unwrap();
    assert!(first.confirmed > confirmed);
    let Claim::Held(Some(by)) = claim(&session, "b:2", TTL).await else { panic!("there is a holder") };
    assert_eq!((by.holder.as_str(), by.term, by.alive), ("a:1", 1, true));
    release(&session, first.clone()).await.unwrap();
    let seen = look(&session, &public()).await.unwrap().unwrap();
    assert!(!seen.alive && seen.term == 1);
    let second = won(&session, "b:2", TTL).await;
    assert_eq!(second.term, 2);
    let lost = renew(&session, &mut first, None).await.unwrap_err();
    assert!(lost.is_superseded(), "{lost}");
    // Giving up what is gone takes nothing from the new holder.
    release(&session, first).await.unwrap();
    assert!(look(&session, &public()).await.unwrap().unwrap().alive);
}

#[tokio::test]
async fn terms_go_on_although_the_lease_was_removed_by_hand() {
    let (_database, mut session) = ready().await;
    won(&session, "a:1", Duration::ZERO).await;
    let lease = won(&session, "a:1", TTL).await;
    let rollout = begin(&mut session, &lease, "a").await.unwrap();
    session.batch("removing", "DELETE FROM segue.lease").await.unwrap();
    assert_eq!(rollout.term, 2);
    assert_eq!(won(&session, "b:2", TTL).await.term, 3);
}

#[tokio::test]
async fn one_unfinished_rollout_a_schema() {
    let (_database, mut session) = ready().await;
    let lease = won(&session, "a:1", TTL).await;
    let first = begin(&mut session, &lease, "a").await.unwrap();
    assert_eq!((first.state.as_str(), first.term, first.ended_at), ("expanding", 1, None));
    let error = begin(&mut session, &lease, "b").await.unwrap_err();
    assert!(matches!(&error, Error::InTheWay { plan, .. } if plan == "a"), "{error}");
    let fence = fence_of(&first);
    set_state(&session, fence, "failed", Some("no room")).await.unwrap();
    assert!(matches!(begin(&mut session, &lease, "b").await, Err(Error::InTheWay { .. })));
    set_state(&session, fence, "rolled_back", None).await.unwrap();
    let ended = rollout(&session, first.id).await.unwrap().unwrap();
    assert_eq!(ended.error.as_deref(), Some("no room"));
    assert!(ended.ended_at.is_some() && ended.is_ended());

    let second = begin(&mut session, &lease, "b").await.unwrap();
    assert_eq!(current_rollout(&session, &public()).await.unwrap().unwrap(), second);
    set_goal(&session, fence_of(&second), Goal::Completed).await.unwrap();
    set_state(&session, fence_of(&second), "completed", None).await.unwrap();
    assert_eq!(applied_plans(&session, &public()).await.unwrap(), ["b"]);
    let plans: Vec<_> = history(&session, &public()).await.unwrap().into_iter().map(|r| r.plan).collect();
    assert_eq!(plans, ["b", "a"]);
    let contents = contents(&session, second.id).await.unwrap();
    assert_eq!((contents.program, contents.policy), (program("b"), Policy::default()));
    // A lease that is not held starts nothing.
    let stale = Lease { term: 77, ..lease };
    assert!(begin(&mut session, &stale, "c").await.unwrap_err().is_superseded());
}

#[tokio::test]
async fn the_journal_is_kept_in_order_and_append_only() {
    let (_database, mut session) = ready().await;
    let lease = won(&session, "a:1", TTL).await;
    let rollout = begin(&mut session, &lease, "a").await.unwrap();
    let fence = fence_of(&rollout);
    append(&session, fence, "step", &json!({"n": 1})).await.unwrap();
    let tx = session.transaction("trying", &Limits::READ).await.unwrap();
    append_in_tx(&tx, fence, "step", &json!({"n": 2})).await.unwrap();
    tx.rollback("trying").await.unwrap();
    append(&session, fence, "step", &json!({"n": 3})).await.unwrap();
    let all = records(&session, rollout.id, 0, 100).await.unwrap();
    let bodies: Vec<Value> = all.iter().map(|r| r.body.clone()).collect();
    assert_eq!(bodies, [json!({"plan": "a"}), json!({"n": 1}), json!({"n": 3})]);
    assert!(all.iter().all(|r| r.term == 1 && r.rollout == rollout.id));
    assert_eq!(records(&session, rollout.id, all[1].seq, 100).await.unwrap(), all[2..]);
    assert_eq!(records(&session, rollout.id, 0, 1).await.unwrap(), all[..1]);
    // Longer than what is read at once.
    let many = "INSERT INTO segue.records (rollout, term, kind, body)
                SELECT id, 1, 'many', jsonb_build_object('n', n) FROM segue.rollouts, generate_series(1, 1200) n";
    session.batch("writing many", many).await.unwrap();
    let mut each = Vec::new();
    let take = |record| {
        each.push(record);
        Ok(())
    };
    each_record(&session, rollout.id, take).await.unwrap();
    assert_eq!(each, records(&session, rollout.id, 0, i64::MAX).await.unwrap());
    assert_eq!((each.len(), &each[1202].body), (1203, &json!({"n": 1200})));
    for sql in ["DELETE FROM segue.records", "UPDATE segue.records SET kind = 'x'", "TRUNCATE segue.records"]
    {
        let error = session.batch("spoiling the journal", sql).await.unwrap_err().to_string();
        assert!(error.contains("append only"), "{error}");
    }
}

fn checkpoint(next_block: i64) -> Checkpoint {
    Checkpoint {
        step: 3,
        relation: "\"public\".\"users\"".into(),
        run: 0,
        pass: 0,
        first_block: 0,
        next_block,
        end_block: 1000,
        rows_done: next_block * 10,
        rows_total: None,
        done: false,
    }
}

#[tokio::test]
async fn a_superseded_supervisor_touches_no_row() {
    let (database, mut old) = ready().await;
    let lease = won(&old, "old:1", Duration::ZERO).await;
    assert_eq!(lease.term, 1);
    let lease = won(&old, "old:1", TTL).await;
    let rollout = begin(&mut old, &lease, "a").await.unwrap();
    let fence = fence_of(&rollout);
    assert_eq!(fence.term, 2);
    let limits = Limits::READ;

    // In the middle of a slice the lease is stolen.
    let tx = old.transaction("a slice", &limits).await.unwrap();
    tx.batch("waiting", STAYS).await.unwrap();
    fence_in_tx(&tx, fence).await.unwrap();
    checkpoint_in_tx(&tx, fence, &checkpoint(64)).await.unwrap();
    let mut new = open(&database).await;
    new.batch("expiring", "UPDATE segue.lease SET expires_at = clock_timestamp()").await.unwrap();
    let mut stolen = won(&new, "new:2", TTL).await;
    // It waits for the transaction in flight, and no other can join that one.
    assert_eq!(try_take_over(&mut new, &stolen, rollout.id).await.unwrap(), TakeOver::Busy);
    let mut worker = open(&database).await;
    let second = worker.transaction("a second worker's slice", &limits).await.unwrap();
    assert!(fence_in_tx(&second, fence).await.unwrap_err().is_superseded());
    drop(second);
    let soon = Deadline::after(Duration::from_millis(300));
    assert_eq!(take_over(&mut new, &mut stolen, rollout.id, soon).await.unwrap(), TakeOver::Busy);
    tx.commit("a slice").await.unwrap();
    let long = Deadline::after(LONG);
    assert_eq!(take_over(&mut new, &mut stolen, rollout.id, long).await.unwrap(), TakeOver::Done);
    assert_eq!(try_take_over(&mut new, &stolen, rollout.id).await.unwrap(), TakeOver::Done);

    // What was committed before stands; nothing more of the old one's gets in.
    let seen = checkpoints(&new, rollout.id).await.unwrap();
    assert_eq!(seen.into_iter().map(|(c, _)| c).collect::<Vec<_>>(), [checkpoint(64)]);
    let before = count(&new, "SELECT count(*) FROM segue.records").await;
    assert!(append(&old, fence, "late", &json!({})).await.unwrap_err().is_superseded());
    assert!(set_state(&old, fence, "ready", None).await.unwrap_err().is_superseded());
    assert!(set_goal(&old, fence, Goal::Completed).await.unwrap_err().is_superseded());
    let tx = old.transaction("a late slice", &limits).await.unwrap();
    assert!(fence_in_tx(&tx, fence).await.unwrap_err().is_superseded());
    assert!(checkpoint_in_tx(&tx, fence, &checkpoint(128)).await.unwrap_err().is_superseded());
    let aside = SetAside {
        step: 3,
        relation: "t".into(),
        row_key: "id = 1".into(),
        sqlstate: "22012".into(),
        message: "division by zero".into(),
    };
    assert!(set_aside_in_tx(&tx, fence, &aside).await.unwrap_err().is_superseded());
    tx.rollback("a late slice").await.unwrap();
    assert!(matches!(try_take_over(&mut old, &lease, rollout.id).await, Err(Error::Superseded { .. })));
    assert_eq!(count(&new, "SELECT count(*) FROM segue.records").await, before);
    let now = store::rollout(&new, rollout.id).await.unwrap().unwrap();
    assert_eq!((now.state.as_str(), now.term), ("expanding", 3));

    let fence = fence_of(&now);
    let tx = new.transaction("a slice", &limits).await.unwrap();
    checkpoint_in_tx(&tx, fence, &Checkpoint { rows_total: Some(10.5), ..checkpoint(128) }).await.unwrap();
    set_aside_in_tx(&tx, fence, &aside).await.unwrap();
    set_aside_in_tx(&tx, fence, &SetAside { message: "again".into(), ..aside.clone() }).await.unwrap();
    tx.commit("a slice").await.unwrap();
    let rows = rows_set_aside(&new, rollout.id).await.unwrap();
    assert_eq!(rows.iter().map(|r| r.row.message.as_str()).collect::<Vec<_>>(), ["again"]);
    assert_eq!(checkpoints(&new, rollout.id).await.unwrap()[0].0.rows_total, Some(10.5));
}

#[tokio::test]
async fn workers_of_one_supervisor_do_not_wait_for_each_other() {
    let (database, mut one) = ready().await;
    let lease = won(&one, "a:1", TTL).await;
    let rollout = begin(&mut one, &lease, "a").await.unwrap();
    let fence = fence_of(&rollout);
    let mut two = open(&database).await;
    let limits = Limits { lock: Some(Duration::from_millis(100)), ..Limits::READ };
    let first = one.transaction("a slice", &limits).await.unwrap();
    first.batch("waiting", STAYS).await.unwrap();
    fence_in_tx(&first, fence).await.unwrap();
    let second = two.transaction("another slice", &limits).await.unwrap();
    fence_in_tx(&second, fence).await.unwrap();
    append_in_tx(&second, fence, "done", &json!({})).await.unwrap();
    second.commit("another slice").await.unwrap();
    first.commit("a slice").await.unwrap();
}

#[tokio::test]
async fn commands_reach_the_rollout_they_were_meant_for() {
    let (database, mut session) = ready().await;
    let lease = won(&session, "a:1", TTL).await;
    database.query("INSERT INTO segue.commands (kind) VALUES ('pause')").unwrap();
    let rollout = begin(&mut session, &lease, "a").await.unwrap();
    assert_eq!(pending_commands(&session, &rollout).await.unwrap(), []);
    let early = command(&session, 1).await.unwrap().unwrap();
    assert_eq!(early.outcome.as_deref(), Some("nothing was under way when this was asked"));

    database.query("INSERT INTO segue.commands (kind) VALUES ('pause')").unwrap();
    let new = NewCommand {
        schema: &public(),
        rollout: Some(rollout.id),
        kind: CommandKind::Complete,
        reason: Some("deploy is over"),
        args: json!({"force": true}),
    };
    let put = put_command(&mut session, &new).await.unwrap();
    database.query("INSERT INTO segue.commands (schema, kind) VALUES ('other', 'pause')").unwrap();
    let pending = pending_commands(&session, &rollout).await.unwrap();
    let kinds: Vec<_> = pending.iter().map(|c| (c.kind, c.by.as_str())).collect();
    assert_eq!(kinds, [(CommandKind::Pause, "postgres"), (CommandKind::Complete, "postgres")]);
    assert_eq!(pending[1], put);
    assert!(applied(&session, pending[0].id, "done").await.unwrap());
    assert!(!applied(&session, pending[0].id, "done").await.unwrap());
    set_state(&session, fence_of(&rollout), "completed", None).await.unwrap();
    let late = command(&session, put.id).await.unwrap().unwrap();
    assert_eq!(late.outcome.as_deref(), Some("the rollout had ended: completed"));
    assert!(late.applied_at.is_some());
    assert!(database.query("INSERT INTO segue.commands (kind) VALUES ('explode')").is_err());
}

#[tokio::test]
async fn who_was_seen_and_since_when_anybody_looked() {
    let (_database, session) = ready().await;
    let (v1, v2) = (Ident::from("public_v1"), Ident::from("public_v2"));
    let at = clock::now();
    let second = |n: i64| at + Duration::from_secs(n as u64);
    let shop = |first, last| ClientSeen {
        client: Client {
            version_schema: "public_v1".into(),
            application: "shop".into(),
            role: "app".into(),
            address: None,
        },
        first_seen: first,
        last_seen: last,
    };
    let nobody = usage(&session, &public(), &v1).await.unwrap();
    assert_eq!(nobody, Usage { watched: None, last_seen: None });
    let both = [v1.clone(), v2.clone()];
    clients_seen(&session, &public(), &both, at, &[shop(at, at)]).await.unwrap();
    clients_seen(&session, &public(), &both, second(2), &[shop(second(2), second(2))]).await.unwrap();
    assert_eq!(clients(&session, &public()).await.unwrap(), [shop(at, second(2))]);
    let used = usage(&session, &public(), &v1).await.unwrap();
    assert_eq!(used, Usage { watched: Some((at, second(2))), last_seen: Some(second(2)) });
    let unused = usage(&session, &public(), &v2).await.unwrap();
    assert_eq!(unused, Usage { watched: Some((at, second(2))), last_seen: None });
    // Nobody looked for a minute: what was not seen before says nothing any more.
    clients_seen(&session, &public(), &both, second(65), &[]).await.unwrap();
    let used = usage(&session, &public(), &v1).await.unwrap();
    assert_eq!(used, Usage { watched: Some((second(65), second(65))), last_seen: Some(second(2)) });
}
