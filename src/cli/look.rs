//! Owns the commands that only look at what was: history, log, clients. Must not write anything.

use super::context::Context;
use super::exit::Exit;
use super::fail::Fail;
use crate::store;
use crate::ui::tables;
use serde_json::json;

pub async fn history(context: &Context) -> Result<(), Fail> {
    let rollouts = match context.look().await? {
        Some(connected) => store::history(&connected.session, &context.schema).await?,
        None => Vec::new(),
    };
    if context.global.json {
        let list: Vec<_> = rollouts
            .iter()
            .map(|r| {
                json!({
                    "id": r.id, "plan": r.plan, "schema": r.schema, "state": r.state,
                    "version_schema": r.version_schema, "previous_version_schema": r.previous_version_schema,
                    "started_at": r.started_at, "ended_at": r.ended_at, "error": r.error, "adopted": r.adopted,
                })
            })
            .collect();
        super::print_json(&json!(list));
        return Ok(());
    }
    if rollouts.is_empty() {
        super::print("no rollout so far\n");
        return Ok(());
    }
    let rows: Vec<Vec<String>> = rollouts
        .iter()
        .map(|r| {
            let ended = r.ended_at.map_or_else(|| "-".to_owned(), |at| at.to_string());
            vec![
                r.id.to_string(),
                r.plan.clone(),
                r.adopted.map_or_else(|| r.state.clone(), |from| format!("{} ({})", r.state, from.name())),
                r.version_schema.as_str().to_owned(),
                r.started_at.to_string(),
                ended,
            ]
        })
        .collect();
    super::print(&tables::render(&["id", "plan", "state", "version schema", "started", "ended"], &rows));
    Ok(())
}

pub async fn log(context: &Context, plan: Option<&str>) -> Result<(), Fail> {
    let Some(connected) = context.look().await? else {
        return Err(Fail::new(Exit::Failed, "there was no rollout in this database"));
    };
    let rollouts = store::history(&connected.session, &context.schema).await?;
    let Some(rollout) = rollouts.iter().find(|r| plan.is_none_or(|plan| r.plan == plan)) else {
        return Err(match plan {
            Some(plan) => Fail::new(Exit::Failed, format!("there was no rollout of {plan}"))
                .help("`segue history` lists them"),
            None => Fail::new(Exit::Failed, "there was no rollout of this schema"),
        });
    };
    if context.global.json {
        store::each_record(&connected.session, rollout.id, |record| {
            let mut line = json!({"at": record.at, "event": record.kind, "term": record.term});
            if let (Some(line), serde_json::Value::Object(body)) = (line.as_object_mut(), record.body) {
                line.extend(body);
            }
            super::print_json(&line);
            Ok(())
        })
        .await?;
        return Ok(());
    }
    let records = store::records(&connected.session, rollout.id, 0, i64::MAX).await?;
    let rows: Vec<Vec<String>> = records
        .iter()
        .map(|r| vec![r.at.to_string(), r.term.to_string(), r.kind.clone(), r.body.to_string()])
        .collect();
    super::print(&format!("rollout {} of {}\n", rollout.id, rollout.plan));
    super::print(&tables::render(&["at", "term", "what", "details"], &rows));
    Ok(())
}

pub async fn clients(context: &Context) -> Result<(), Fail> {
    let mut seen = Vec::new();
    if let Some(connected) = context.look().await? {
        seen = store::clients(&connected.session, &context.schema).await?;
        // Whoever is there this moment, supervisor or not.
        let versions: Vec<_> = store::history(&connected.session, &context.schema)
            .await?
            .into_iter()
            .map(|r| r.version_schema)
            .collect();
        let now = crate::clock::now();
        for client in crate::monitor::clients_now(&connected.session, &versions).await? {
            match seen.iter_mut().find(|s| s.client == client) {
                Some(known) => known.last_seen = now,
                None => seen.push(store::ClientSeen { client, first_seen: now, last_seen: now }),
            }
        }
        seen.sort_by_key(|seen| std::cmp::Reverse(seen.last_seen));
    }
    if context.global.json {
        super::print_json(&serde_json::to_value(&seen).expect("clients are plain data"));
        return Ok(());
    }
    if seen.is_empty() {
        super::print("no application was seen on a version schema so far\n");
        return Ok(());
    }
    let rows: Vec<Vec<String>> = seen
        .iter()
        .map(|s| {
            let address = s.client.address.clone().unwrap_or_else(|| "local".to_owned());
            vec![
                s.client.version_schema.clone(),
                s.client.application.clone(),
                s.client.role.clone(),
                address,
                s.last_seen.to_string(),
            ]
        })
        .collect();
    super::print(&tables::render(&["version", "application", "role", "address", "last seen"], &rows));
    Ok(())
}
