//! Owns which rights a role needs for what Segue does, which of them it lacks, and the SQL that grants those.
//! Pure: what the role has is an argument. Must not ask a server.

use crate::ident::Ident;
use serde::{Deserialize, Serialize};

/// What a role has, as the catalogs say.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Facts {
    pub role: Ident,
    pub database: Ident,
    /// The schema whose tables are changed.
    pub schema: Ident,
    /// `server_version_num`.
    pub server_version: u32,
    pub superuser: bool,
    /// Has by itself what the roles have that it is a member of.
    pub inherits: bool,
    pub connect: bool,
    pub create_in_database: bool,
    pub use_schema: bool,
    pub create_in_schema: bool,
    /// Whose tables (and earlier version schema) are changed.
    pub owners: Vec<Owner>,
    /// On Segue's own schema; `None`: it is not there, and the role will make it.
    pub own: Option<OnOwn>,
    pub read_all_stats: bool,
    /// `None`: this version has no such role.
    pub cancel_autovacuum: Option<bool>,
    pub reserved_connections: Option<bool>,
    /// Whether it may set `session_replication_role`.
    pub silence_triggers: bool,
    /// Whether it may list the files that are still to be archived; `None`: the server archives nothing.
    #[serde(default)]
    pub list_archive: Option<bool>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Owner {
    pub role: Ident,
    pub superuser: bool,
    /// The role is a member, and may become it (from 16 on these are two things).
    pub may_become: bool,
    /// What its membership gives is there without `SET ROLE`.
    pub inherited: bool,
    /// What it owns, in words.
    pub owns: Vec<String>,
    /// The plan makes something in the schema and gives it to this role, which PostgreSQL allows only where the role could have
    /// made it there.
    pub takes_over: bool,
    pub create_in_schema: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct OnOwn {
    pub use_it: bool,
    pub create_in: bool,
    /// SELECT, INSERT and UPDATE on all of its tables.
    pub write: bool,
}

/// One right, and whether the role has it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Need {
    pub what: String,
    pub has: bool,
    /// What grants it; empty where the role has it or where nothing does.
    pub sql: Vec<String>,
    /// What it is for, or is to be known of it.
    pub why: String,
    /// `Some`: it goes without, and this is lost.
    pub lost: Option<String>,
}

/// From this version on a membership says for itself whether it is inherited.
const MEMBERSHIP_OPTIONS: u32 = 160_000;
const PARAMETERS_ARE_GRANTED: u32 = 150_000;

/// Everything that Segue needs of a role. `skips_triggers`: the plan asks for `user_triggers: skip`.
pub fn needs(facts: &Facts, skips_triggers: bool) -> Vec<Need> {
    let Facts { role, database, schema, .. } = facts;
    let mut needs = vec![
        need(
            format!("CONNECT on database {database}"),
            facts.connect,
            vec![format!("GRANT CONNECT ON DATABASE {database} TO {role};")],
            "every command",
        ),
        need(
            format!("CREATE on database {database}"),
            facts.create_in_database,
            vec![format!("GRANT CREATE ON DATABASE {database} TO {role};")],
            "Segue's own schema and the version schemas",
        ),
        need(
            format!("USAGE and CREATE on schema {schema}"),
            facts.use_schema && facts.create_in_schema,
            vec![format!("GRANT USAGE, CREATE ON SCHEMA {schema} TO {role};")],
            "indexes and tables are made there",
        ),
    ];
    needs.extend(facts.owners.iter().map(|owner| ownership(facts, owner)));
    needs.extend(facts.owners.iter().filter_map(|owner| taking_over(facts, owner)));
    if let Some(own) = facts.own {
        needs.push(need(
            "the use of Segue's own schema".to_owned(),
            own.use_it && own.create_in && own.write,
            vec![
                format!("GRANT USAGE, CREATE ON SCHEMA segue TO {role};"),
                format!("GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA segue TO {role};"),
            ],
            "another role made it",
        ));
    }
    needs.push(need(
        "pg_read_all_stats".to_owned(),
        facts.read_all_stats,
        membership(facts, &"pg_read_all_stats".into(), false),
        "standbys' positions, other sessions' states and waits; pg_monitor holds it too",
    ));
    needs.extend(silence(facts, skips_triggers));
    if let Some(has) = facts.list_archive {
        let function = "FUNCTION pg_catalog.pg_ls_archive_statusdir()";
        needs.push(Need {
            lost: Some(
                "their number is derived from the names of the last one archived and the one in hand"
                    .to_owned(),
            ),
            ..need(
                "EXECUTE on pg_ls_archive_statusdir()".to_owned(),
                has,
                vec![format!("GRANT EXECUTE ON {function} TO {role};")],
                "counts the files still to be archived; pg_monitor holds it too",
            )
        });
    }
    if let Some(has) = facts.cancel_autovacuum {
        needs.push(Need {
            lost: Some("an autovacuum in the way of a lock is waited for instead of cancelled".to_owned()),
            ..need(
                "pg_signal_autovacuum_worker".to_owned(),
                has,
                membership(facts, &"pg_signal_autovacuum_worker".into(), false),
                "cancels an autovacuum that is in the way of a lock",
            )
        });
    }
    if let Some(has) = facts.reserved_connections {
        needs.push(Need {
            lost: Some(
                "when applications have taken all connections, the server can be neither watched nor steered"
                    .to_owned(),
            ),
            ..need(
                "pg_use_reserved_connections".to_owned(),
                has,
                membership(facts, &"pg_use_reserved_connections".into(), false),
                "the server's reserved_connections are open to it",
            )
        });
    }
    needs
}

/// What of it a rollout would stop for half way, or at the contract, where there is no way back.
pub fn stops(facts: &Facts) -> Vec<Need> {
    let Facts { role, database, schema, .. } = facts;
    let version_schema = need(
        format!("CREATE on database {database}"),
        facts.create_in_database,
        vec![format!("GRANT CREATE ON DATABASE {database} TO {role};")],
        "the version schema is made there",
    );
    let owners = facts.owners.iter().map(|owner| ownership(facts, owner));
    let makes = facts.owners.iter().any(|owner| owner.takes_over).then(|| {
        let sql = vec![format!("GRANT CREATE ON SCHEMA {schema} TO {role};")];
        need(
            format!("CREATE on schema {schema}"),
            facts.create_in_schema,
            sql,
            "the plan makes something there",
        )
    });
    let taking = facts.owners.iter().filter_map(|owner| taking_over(facts, owner));
    owners.chain([version_schema]).chain(makes).chain(taking).filter(|need| !need.has).collect()
}

/// Whether something is lacking that it does not go without.
pub fn is_lacking(needs: &[Need]) -> bool {
    needs.iter().any(|need| !need.has && need.lost.is_none())
}

fn need(what: String, has: bool, sql: Vec<String>, why: &str) -> Need {
    Need { what, has, sql: if has { vec![] } else { sql }, why: why.to_owned(), lost: None }
}

fn ownership(facts: &Facts, owner: &Owner) -> Need {
    const SHOWN: usize = 5;
    let mut owns = owner.owns.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if owner.owns.len() > SHOWN {
        owns.push_str(&format!(" and {} more", owner.owns.len() - SHOWN));
    }
    let has = owner.role == facts.role || (owner.may_become && owner.inherited);
    let why = match owner.superuser && !has {
        true => format!(
            "owns {owns}. It is a superuser, and so would its members be: better give what it owns to a role of its own"
        ),
        false => format!("owns {owns}"),
    };
    let what = match owner.role == facts.role {
        true => format!("ownership of {owns}"),
        false => format!("membership of {}", owner.role),
    };
    need(what, has, membership(facts, &owner.role, owner.may_become), &why)
}

/// `None`: it is given nothing, or it is the role itself, of which that is asked anyway.
fn taking_over(facts: &Facts, owner: &Owner) -> Option<Need> {
    let schema = &facts.schema;
    (owner.takes_over && owner.role != facts.role).then(|| {
        need(
            format!("CREATE on schema {schema} for {}", owner.role),
            owner.create_in_schema,
            vec![format!("GRANT CREATE ON SCHEMA {schema} TO {};", owner.role)],
            "what the plan makes there is given to that owner",
        )
    })
}

/// Makes a role a member that has what the other has, without being told each time.
fn membership(facts: &Facts, of: &Ident, may_become: bool) -> Vec<String> {
    let role = &facts.role;
    match (facts.server_version >= MEMBERSHIP_OPTIONS, facts.inherits) {
        (true, true) if !may_become => vec![format!("GRANT {of} TO {role};")],
        (true, _) => vec![format!("GRANT {of} TO {role} WITH INHERIT TRUE;")],
        (false, true) => vec![format!("GRANT {of} TO {role};")],
        (false, false) => vec![format!("GRANT {of} TO {role};"), format!("ALTER ROLE {role} INHERIT;")],
    }
}

fn silence(facts: &Facts, asked_for: bool) -> Option<Need> {
    let granted = facts.server_version >= PARAMETERS_ARE_GRANTED;
    if !asked_for && !granted && !facts.silence_triggers {
        // Nothing but a superuser has it, and nothing needs it.
        return None;
    }
    let sql = match granted {
        true => vec![format!("GRANT SET ON PARAMETER session_replication_role TO {};", facts.role)],
        false => vec![],
    };
    let why = match granted {
        true => "keeps the tables' own triggers silent while rows are filled",
        false => "before PostgreSQL 15 only a superuser may: write `user_triggers: fire` in the plan",
    };
    Some(Need {
        lost: (!asked_for).then(|| "`backfill.user_triggers: skip` is refused".to_owned()),
        ..need("SET on parameter session_replication_role".to_owned(), facts.silence_triggers, sql, why)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing(server_version: u32) -> Facts {
        Facts {
            role: "segue".into(),
            database: "app".into(),
            schema: "public".into(),
            server_version,
            superuser: false,
            inherits: true,
            connect: true,
            create_in_database: false,
            use_schema: true,
            create_in_schema: false,
            owners: vec![Owner {
                role: "app".into(),
                superuser: false,
                may_become: false,
                inherited: false,
                owns: vec!["users".into(), "orders".into()],
                takes_over: false,
                create_in_schema: false,
            }],
            own: None,
            read_all_stats: false,
            cancel_autovacuum: (server_version >= 180_000).then_some(false),
            reserved_connections: (server_version >= 160_000).then_some(false),
            silence_triggers: false,
            list_archive: None,
        }
    }

    fn shown(facts: &Facts, skips: bool) -> String {
        let line = |need: &Need| {
            let optional = if need.lost.is_some() { "optional: " } else { "" };
            let has = if need.has { "has " } else { "lacks " };
            format!("{optional}{has}{}: {}", need.what, need.sql.join(" "))
        };
        needs(facts, skips).iter().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn what_is_lacking_comes_with_what_grants_it() {
        insta::assert_snapshot!(shown(&nothing(180_000), false), @r#"
        has CONNECT on database "app": 
        lacks CREATE on database "app": GRANT CREATE ON DATABASE "app" TO "segue";
        lacks USAGE and CREATE on schema "public": GRANT USAGE, CREATE ON SCHEMA "public" TO "segue";
        lacks membership of "app": GRANT "app" TO "segue";
        lacks pg_read_all_stats: GRANT "pg_read_all_stats" TO "segue";
        optional: lacks SET on parameter session_replication_role: GRANT SET ON PARAMETER session_replication_role TO "segue";
        optional: lacks pg_signal_autovacuum_worker: GRANT "pg_signal_autovacuum_worker" TO "segue";
        optional: lacks pg_use_reserved_connections: GRANT "pg_use_reserved_connections" TO "segue";
        "#);
        // What the version does not have is not offered.
        let old = shown(&nothing(140_000), false);
        assert!(
            !old.contains("PARAMETER") && !old.contains("reserved") && !old.contains("autovacuum"),
            "{old}"
        );
    }

    #[test]
    fn the_archive_is_asked_for_where_there_is_one() {
        let mut facts = nothing(150_000);
        assert!(!shown(&facts, false).contains("archive"));
        facts.list_archive = Some(false);
        let said = "optional: lacks EXECUTE on pg_ls_archive_statusdir(): \
                    GRANT EXECUTE ON FUNCTION pg_catalog.pg_ls_archive_statusdir() TO \"segue\";";
        assert!(shown(&facts, false).contains(said));
    }

    #[test]
    fn what_goes_without_is_not_lacking() {
        let mut facts = nothing(150_000);
        facts.create_in_database = true;
        facts.create_in_schema = true;
        facts.read_all_stats = true;
        assert!(is_lacking(&needs(&facts, false)));
        facts.owners[0].role = "segue".into();
        assert!(!is_lacking(&needs(&facts, false)));
        // The plan asks for it, so it does not go without.
        assert!(is_lacking(&needs(&facts, true)));
        facts.own = Some(OnOwn { use_it: true, create_in: true, write: false });
        assert!(is_lacking(&needs(&facts, false)));
    }

    #[test]
    fn a_rollout_stops_for_owners_and_for_its_schema_only() {
        let whats = |facts: &Facts| stops(facts).into_iter().map(|need| need.what).collect::<Vec<_>>();
        let mut facts = nothing(160_000);
        assert_eq!(whats(&facts), ["membership of \"app\"", "CREATE on database \"app\""]);
        facts.create_in_database = true;
        facts.owners[0].role = "segue".into();
        assert!(!facts.read_all_stats && whats(&facts).is_empty());
        facts.owners[0].takes_over = true;
        assert_eq!(whats(&facts), ["CREATE on schema \"public\""]);
        facts.owners[0] =
            Owner { role: "app".into(), may_become: true, inherited: true, ..facts.owners[0].clone() };
        facts.create_in_schema = true;
        assert_eq!(whats(&facts), ["CREATE on schema \"public\" for \"app\""]);
        facts.owners[0].create_in_schema = true;
        assert!(whats(&facts).is_empty());
    }

    #[test]
    fn a_membership_that_gives_nothing_is_mended() {
        let mut facts = nothing(160_000);
        facts.owners[0].may_become = true;
        assert!(shown(&facts, false).contains(r#"GRANT "app" TO "segue" WITH INHERIT TRUE;"#));
        facts.server_version = 150_000;
        facts.inherits = false;
        assert!(shown(&facts, false).contains(r#"GRANT "app" TO "segue"; ALTER ROLE "segue" INHERIT;"#));
        facts.owners[0].inherited = true;
        assert!(shown(&facts, false).contains(r#"has membership of "app""#));
    }

    #[test]
    fn before_fifteen_only_a_superuser_keeps_triggers_silent() {
        let needs = needs(&nothing(140_000), true);
        let silence = needs.iter().find(|need| need.what.contains("session_replication_role")).unwrap();
        assert!(!silence.has && silence.sql.is_empty() && silence.lost.is_none());
        assert!(silence.why.contains("user_triggers: fire"));
    }
}
