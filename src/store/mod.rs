//! Owns Segue's own schema, `segue`, in the target database: rollouts, their journal and checkpoints, the
//! lease, what operators asked for, who was seen. State lives where the data lives, so that a failover takes
//! both back to the same point. Must not decide anything, and must not give the journal's bodies a meaning.
//!
//! Every write of a supervisor names its [`Fence`]. One whose term was superseded touches no row and gets
//! [`Error::Superseded`]. Functions take a `&Session`; inside a transaction pass the `&Tx`, which is one.

mod adopt;
mod aside;
mod checkpoint;
mod clients;
mod command;
mod error;
mod fence;
mod init;
mod lease;
pub mod pgroll;
mod privileges;
mod record;
mod rollout;

pub use adopt::{Adopted, adopt};
pub use aside::{RowSetAside, SetAside, rows_set_aside, set_aside_in_tx};
pub use checkpoint::{
    Checkpoint, checkpoint, checkpoint_in_tx, checkpoints, forget_checkpoints_in_tx, forget_run_in_tx,
};
pub use clients::{Client, ClientSeen, Usage, clients, clients_seen, usage};
pub use command::{Command, CommandKind, NewCommand, applied, command, pending_commands, put_command};
pub use error::Error;
pub use fence::{Fence, TakeOver, fence_in_tx, take_over, try_take_over};
pub use init::{SCHEMA, Stored, VERSION, init, stored};
pub use lease::{Claim, Lease, LeaseSeen, acquire, look, release, renew};
pub use privileges::{Of, privileges};
pub use record::{Record, append, append_in_tx, each_record, records, stands};
pub use rollout::{
    Contents, NewRollout, Rollout, applied_plans, contents, create_rollout, current_rollout, history,
    rollout, set_goal, set_state,
};
