//! One connection, with its prepared statements.

use std::collections::HashMap;
use std::error::Error as _;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::mpsc::SyncSender;
use std::task::Poll;
use std::time::Duration;

use bytes::BytesMut;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::task::JoinHandle;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{AsyncMessage, Client, NoTls, Row, Statement};

use super::address::Address;
use super::link::{ANSWERS_WITHIN, Bell, Fault};
use crate::sql::Value;

/// The channel on which nodes and operators tell each other of what they stored.
pub(super) const CHANNEL: &str = "airdrops";

/// So many statements are under way at a time.
const AHEAD: usize = 256;

/// So many rows are a portion of an answer.
const PORTION: usize = 512;

/// How long a statement waits for a lock.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);

/// The server's process of a connection: its number, and when it began, in microseconds.
pub(super) type ServerProcess = (i64, i64);

pub(super) struct Session {
    client: Client,
    driver: JoinHandle<()>,
    statements: HashMap<String, Statement>,
    backend: ServerProcess,
}

impl Session {
    /// Connects, and listens.
    pub(super) async fn open(
        address: &Address,
        idle: Duration,
        bell: Arc<Bell>,
    ) -> Result<Self, Fault> {
        let connecting = address.config().connect(NoTls);
        let (client, mut connection) = in_time(connecting).await?;
        let own = Arc::new(AtomicI32::new(0));
        let heard = Arc::clone(&own);
        let driver = tokio::spawn(async move {
            // Notices, and what this connection itself told, are of no interest.
            while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
                match message {
                    Ok(AsyncMessage::Notification(told)) => {
                        if told.process_id() != heard.load(Ordering::Relaxed) {
                            bell.ring();
                        }
                    }
                    Ok(_) => {}
                    Err(_) => break,
                }
            }
            // Whoever waits for news looks, and connects again.
            bell.ring();
        });
        let mut session = Self {
            client,
            driver,
            statements: HashMap::new(),
            backend: (0, 0),
        };
        session
            .batch(&format!(
                "SET synchronous_commit = on; SET lock_timeout = {}; \
                 SET idle_in_transaction_session_timeout = {}; LISTEN {CHANNEL}",
                LOCK_PATIENCE.as_millis(),
                idle.as_millis().max(1000),
            ))
            .await?;
        let asked = session.client.query_one(
            "SELECT pid::bigint, (extract(epoch FROM backend_start) * 1000000)::bigint, pid
             FROM pg_stat_activity WHERE pid = pg_backend_pid()",
            &[],
        );
        let row = in_time(asked).await?;
        session.backend = (row.get(0), row.get(1));
        own.store(row.get(2), Ordering::Relaxed);
        Ok(session)
    }

    pub(super) fn is_open(&self) -> bool {
        !self.client.is_closed() && !self.driver.is_finished()
    }

    pub(super) fn backend(&self) -> ServerProcess {
        self.backend
    }

    /// Ends the server's process of an earlier connection, if it is still there.
    pub(super) async fn end(&self, (pid, began): ServerProcess) -> Result<(), Fault> {
        let process: [&(dyn ToSql + Sync); 2] = [&pid, &began];
        let ended = self.client.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1::bigint
                 AND (extract(epoch FROM backend_start) * 1000000)::bigint = $2",
            &process,
        );
        in_time(ended).await?;
        Ok(())
    }

    pub(super) async fn batch(&self, sql: &str) -> Result<(), Fault> {
        in_time(self.client.batch_execute(sql)).await
    }

    async fn statement(&mut self, sql: &str) -> Result<Statement, Fault> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = in_time(self.client.prepare(sql)).await?;
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    /// Sends the lists of parameters one after the other without waiting for the answers between.
    pub(super) async fn execute(
        &mut self,
        sql: &str,
        rows: &[Vec<Value<'static>>],
    ) -> Result<u64, Fault> {
        let statement = self.statement(sql).await?;
        let mut changed = 0;
        for rows in rows.chunks(AHEAD) {
            let mut under_way = Vec::with_capacity(rows.len());
            for row in rows {
                let mut execution = Box::pin(self.client.execute_raw(&statement, row));
                // The first poll is what sends it: in this order.
                let early = poll_fn(|context| Poll::Ready(execution.as_mut().poll(context))).await;
                under_way.push((execution, early));
            }
            let mut fault = None;
            for (execution, early) in under_way {
                let answer = match early {
                    Poll::Ready(answer) => answer.map_err(|error| why(&error)),
                    Poll::Pending => in_time(execution).await,
                };
                match answer {
                    Ok(rows) => changed += rows,
                    // Those after it fail because of it.
                    Err(first) => {
                        fault.get_or_insert(first);
                    }
                }
            }
            if let Some(fault) = fault {
                return Err(fault);
            }
        }
        Ok(changed)
    }

    /// Hands the answer over in portions. Ends early if nobody takes them any more.
    pub(super) async fn query(
        &mut self,
        sql: &str,
        params: &[Value<'static>],
        taker: &SyncSender<Result<Vec<Row>, Fault>>,
    ) -> Result<(), Fault> {
        let statement = self.statement(sql).await?;
        let rows = in_time(self.client.query_raw(&statement, params)).await?;
        let mut rows = pin!(rows);
        let mut portion = Vec::new();
        while let Some(row) = in_time(rows.next().map(Ok)).await? {
            portion.push(row.map_err(|error| why(&error))?);
            if portion.len() == PORTION && taker.send(Ok(std::mem::take(&mut portion))).is_err() {
                return Ok(());
            }
        }
        // Whoever takes no more knows why.
        let _ = taker.send(Ok(portion));
        Ok(())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

async fn in_time<T>(
    answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, Fault> {
    match tokio::time::timeout(ANSWERS_WITHIN, answer).await {
        Ok(answer) => answer.map_err(|error| why(&error)),
        Err(_) => Err(Fault::Cut(format!(
            "the server did not answer within {} s",
            ANSWERS_WITHIN.as_secs()
        ))),
    }
}

/// What a failure means. The client's errors hold no part of the connection string.
fn why(error: &tokio_postgres::Error) -> Fault {
    let Some(said) = error.as_db_error() else {
        let cause = error.source().map(|cause| format!(": {cause}"));
        let text = error.to_string();
        let cause = cause.filter(|cause| !text.ends_with(cause.as_str()));
        return Fault::Cut(format!("{text}{}", cause.unwrap_or_default()));
    };
    let text = format!("{} ({})", said.message(), said.code().code());
    let code = said.code().code();
    match code {
        // Serialisation, deadlock, a lock that was not to be had.
        "40001" | "40P01" | "55P03" => Fault::Again(text),
        // Ended by an administrator or by a shutdown; idle in a transaction; not yet up.
        "57P01" | "57P02" | "57P03" | "57P05" | "25P03" => Fault::Cut(text),
        _ if code.starts_with("08") => Fault::Cut(text),
        _ => Fault::Refused(text),
    }
}

impl ToSql for Value<'_> {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(value) => value.to_sql_checked(ty, out),
            Self::Text(value) => value.to_sql_checked(ty, out),
            Self::Blob(value) => value.as_ref().to_sql_checked(ty, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}
