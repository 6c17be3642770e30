//! Owns how a role's rights are shown: as SQL that can be run as it is, what is optional in comments. Must not
//! judge what is needed.

use super::human::plain;
use crate::control::privileges::{Facts, Need, is_lacking};
use serde_json::{Value, json};

/// Ends with a line break.
pub fn sql(facts: &Facts, needs: &[Need]) -> String {
    let version = facts.server_version / 10_000;
    let mut out =
        comment(&format!("role {} in database {}, PostgreSQL {version}", facts.role, facts.database));
    if facts.superuser {
        out.push_str("-- It is a superuser and may do all of this. A role of its own would do.\n");
    }
    for need in needs.iter().filter(|need| need.has) {
        out.push_str(&comment(&format!("has {}", need.what)));
    }
    let lacking =
        |optional: bool| needs.iter().filter(move |need| !need.has && need.lost.is_some() == optional);
    for need in lacking(false) {
        out.push_str(&comment(&format!("lacks {}: {}", need.what, need.why)));
        for statement in &need.sql {
            out.push_str(&format!("{statement}\n"));
        }
    }
    for need in lacking(true) {
        out.push_str(&comment(&format!("optional, {}: {}", need.what, need.why)));
        let lost = need.lost.as_deref().unwrap_or_default();
        out.push_str(&comment(&format!("without it {lost}")));
        for statement in &need.sql {
            out.push_str(&comment(statement));
        }
    }
    if !is_lacking(needs) {
        out.push_str("-- Nothing that is needed is lacking.\n");
    }
    out
}

/// A name with a line break in it must not end the comment.
fn comment(text: &str) -> String {
    format!("-- {}\n", plain(text).replace(['\n', '\r'], " "))
}

pub fn json(facts: &Facts, needs: &[Need]) -> Value {
    json!({
        "role": facts.role, "database": facts.database, "schema": facts.schema,
        "server_version": facts.server_version, "superuser": facts.superuser,
        "lacking": is_lacking(needs), "privileges": needs,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_is_sql_and_what_is_not_is_a_comment() {
        let facts: Facts = serde_json::from_value(json!({
            "role": "segue", "database": "app", "schema": "public", "server_version": 150_018, "superuser": false,
            "inherits": true, "connect": true, "create_in_database": false, "use_schema": true,
            "create_in_schema": true, "owners": [{"role": "postgres", "superuser": true, "may_become": false,
            "inherited": false, "owns": ["us\ners"], "takes_over": false, "create_in_schema": true}], "own": null, "read_all_stats": true,
            "cancel_autovacuum": null, "reserved_connections": null, "silence_triggers": false
        }))
        .unwrap();
        let needs = crate::control::privileges::needs(&facts, false);
        insta::assert_snapshot!(sql(&facts, &needs), @r#"
        -- role "segue" in database "app", PostgreSQL 15
        -- has CONNECT on database "app"
        -- has USAGE and CREATE on schema "public"
        -- has pg_read_all_stats
        -- lacks CREATE on database "app": Segue's own schema and the version schemas
        GRANT CREATE ON DATABASE "app" TO "segue";
        -- lacks membership of "postgres": owns us ers. It is a superuser, and so would its members be: better give what it owns to a role of its own
        GRANT "postgres" TO "segue";
        -- optional, SET on parameter session_replication_role: keeps the tables' own triggers silent while rows are filled
        -- without it `backfill.user_triggers: skip` is refused
        -- GRANT SET ON PARAMETER session_replication_role TO "segue";
        "#);
    }
}
