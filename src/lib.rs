//! Segue changes the schema of a live PostgreSQL database without downtime: a plan is compiled into
//! expand, backfill and contract, both versions of the schema are served through views, and a
//! supervisor moves the data while it watches the server.
//!
//! # The house
//!
//! Imports go down this list only (`tests/layers.rs` holds it so). Above the line everything is pure:
//! no clock, no I/O, no async.
//!
//! | module | owns |
//! |---|---|
//! | [`ident`] [`lsn`] [`diagnostic`] | small value types: names, WAL positions, faults with their place |
//! | [`plan`] | YAML or JSON text to a plan, every value with its position |
//! | [`catalog`] | a schema as a value; difference, fingerprint |
//! | [`compile`] | plan × catalog → program: phases, steps, SQL; the sync triggers and the views |
//! | [`control`] | the decisions: `advance`, guards, pace, retries, the lease's rules |
//! | [`journal`] | the stored form of control's records |
//! | — | — |
//! | [`clock`] [`failpoint`] [`telemetry`] | time, injected faults, logs |
//! | [`pg`] | connections; the only importer of the driver, the pool and TLS |
//! | [`store`] | Segue's own schema in the target database |
//! | [`monitor`] | measuring, on a thread of its own |
//! | [`execute`] | carrying out one step |
//! | [`supervise`] | the one loop: events → `control` → journal → `execute` |
//! | [`sandbox`] | private servers for the demo and the tests |
//! | [`ui`] [`cli`] | showing, and one file a command |
//!
//! # The life of a rollout
//!
//! [`cli`] reads a plan, has [`compile::compile`] make a [`compile::Program`] of it, and stores that
//! whole in the database. From then on the file does not matter: [`supervise::Supervisor`] folds the
//! journal into a [`control::state::RolloutState`], and every event (a step ended, a reading, a
//! command, Ctrl-C) goes through [`control::advance::advance`], which gives records and effects. Records
//! are stored before effects are carried out. A transactional step writes its own end in its own
//! transaction, so that it happens exactly once; one that cannot be in a transaction begins with a
//! probe. A restart is: fold the journal, probe, go on.
//!
//! # What keeps it safe
//!
//! * **The fence.** Every write names the lease's term; a superseded supervisor's touches no row.
//! * **The permit.** Work goes on only while the monitor's last look is younger than two seconds.
//! * **The marker.** A hidden column says which rows are still to be filled, so a slice repeated,
//!   lost or interrupted costs nothing but time.
//! * **Small waits.** No lock is asked for without a timeout, and nobody queues behind Segue for
//!   more than a fortieth of the time; nor does a standby's replay, behind who reads there.
//! * **One server, one history.** A supervisor's sessions go to no other; where a standby was promoted, what
//!   is stored there counts, and not what is remembered.
//! * **The proof.** Every filled row is read once more before the new version is published.

pub mod catalog;
pub mod cli;
pub mod clock;
pub mod compile;
pub mod control;
pub mod diagnostic;
pub mod execute;
pub mod failpoint;
pub mod ident;
pub mod journal;
pub mod lsn;
pub mod monitor;
pub mod pg;
pub mod plan;
pub mod sandbox;
pub mod store;
pub mod supervise;
pub mod telemetry;
pub mod ui;
