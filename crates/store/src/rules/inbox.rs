//! What came from outside: each message once, and done once.

use airdrops_types::{Command, Entry, Message, MessageDone, Timestamp};

use super::column::{from_json, integer, json, unsigned};
use super::journal;
use crate::sql::{Row, Sql, params};
use crate::{MessageAnswer, PAYLOAD_LIMIT, Posted, StoreError};

/// Stores a message, with its journal entry, unless its id is known.
pub(crate) fn post(
    sql: &mut dyn Sql,
    at: Timestamp,
    id: &str,
    command: &Command,
    by: &str,
) -> Result<Posted, StoreError> {
    if let Command::Event { payload, .. } = command {
        let length = json("payload", payload)?.len();
        if length > PAYLOAD_LIMIT {
            return Err(StoreError::Unstorable {
                what: "the payload of an event",
                why: format!("it is {length} bytes of JSON, at most {PAYLOAD_LIMIT} are kept"),
            });
        }
    }
    let known = sql.first(
        "SELECT seq FROM messages WHERE id = ?1",
        &params![id],
        |row| row.int(0),
    )?;
    if let Some(seq) = known {
        let seq = unsigned("message", seq)?;
        return Ok(Posted { seq, new: false });
    }
    let last = sql.first("SELECT coalesce(max(seq), 0) FROM messages", &[], |row| {
        row.int(0)
    })?;
    let seq = unsigned("message", last.unwrap_or(0))?.saturating_add(1);
    sql.execute(
        "INSERT INTO messages (seq, id, at, sender, command) VALUES (?1, ?2, ?3, ?4, ?5)",
        &params![
            integer("message", seq)?,
            id,
            at,
            by,
            json("message", command)?
        ],
    )?;
    let text = format!("{by} asks to {} (message {seq})", words(command));
    journal::append(sql, at, &[Entry::Note { text }])?;
    sql.notify()?;
    Ok(Posted { seq, new: true })
}

/// A request as the rest of a sentence.
fn words(command: &Command) -> String {
    match command {
        Command::Define { campaign } => format!("define campaign {}", campaign.campaign),
        Command::Pause { campaign, reason } => format!("pause campaign {campaign}: {reason}"),
        Command::Resume { campaign } => format!("resume campaign {campaign}"),
        Command::Run { campaign } => format!("run campaign {campaign} now"),
        Command::Backfill { campaign, from, to } => {
            format!("backfill campaign {campaign} from {from} to {to}")
        }
        Command::Retry { task } => format!("retry {task}"),
        Command::Rerun { task } => format!("run {task} and what follows again"),
        Command::Skip { task, reason } => format!("skip {task}: {reason}"),
        Command::Cancel { task, reason } => format!("cancel {task}: {reason}"),
        Command::Approve { task } => format!("let {task} go on"),
        Command::Event { name, .. } => format!("note event {name}"),
    }
}

/// The messages that are not done, in their order.
pub(crate) fn open(sql: &mut dyn Sql) -> Result<Vec<Message>, StoreError> {
    sql.all(
        "SELECT seq, id, at, sender, command FROM messages WHERE done_at IS NULL ORDER BY seq",
        &[],
        message,
    )
}

pub(crate) fn find(
    sql: &mut dyn Sql,
    seq: u64,
) -> Result<Option<(Message, Option<MessageAnswer>)>, StoreError> {
    let Ok(number) = i64::try_from(seq) else {
        return Ok(None);
    };
    sql.first(
        "SELECT seq, id, at, sender, command, done_at, result FROM messages WHERE seq = ?1",
        &params![number],
        |row| {
            let answer = match (row.opt_int(5)?, row.opt_text(6)?) {
                (Some(at), Some(result)) => Some(MessageAnswer {
                    at: Timestamp(at),
                    done: MessageDone {
                        seq,
                        result: result.to_owned(),
                    },
                }),
                _ => None,
            };
            Ok((message(row)?, answer))
        },
    )
}

fn message(row: &Row<'_>) -> Result<Message, StoreError> {
    Ok(Message {
        seq: unsigned("message", row.int(0)?)?,
        id: row.text(1)?.to_owned(),
        at: Timestamp(row.int(2)?),
        by: row.text(3)?.to_owned(),
        command: from_json("message", row.text(4)?)?,
    })
}

/// Marks messages as done.
pub(crate) fn finish(
    sql: &mut dyn Sql,
    at: Timestamp,
    done: &[MessageDone],
) -> Result<(), StoreError> {
    for MessageDone { seq, result } in done {
        let changed = sql.execute(
            "UPDATE messages SET done_at = ?2, result = ?3 WHERE seq = ?1 AND done_at IS NULL",
            &params![integer("message", *seq)?, at, result.as_str()],
        )?;
        if changed == 0 {
            return Err(StoreError::Contradiction(format!(
                "message {seq} is done already, or was never stored"
            )));
        }
    }
    Ok(())
}
