//! `LISTEN` and `NOTIFY`: processes over one schema wake each other. What is told stands in tables; a bell that is not heard only
//! makes somebody look later.

use std::{
    thread::park_timeout,
    time::{Duration, Instant},
};

use access_domain::{StoreError, Topic};
use diesel::{
    PgConnection, QueryResult, RunQueryDsl as _, connection::SimpleConnection as _, dsl::sql,
    select, sql_query, sql_types::Text,
};

use super::is_away;
use crate::{Listener, error::store_error};

/// The driver tells what has arrived, and does not wait for it.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A database may hold several schemas. A name of up to 63 bytes is told apart by it.
const CHANNEL: &str = "'keywright_' || md5(current_schema())";

pub(super) fn ring(conn: &mut PgConnection, topic: Topic) -> QueryResult<()> {
    sql_query(format!("SELECT pg_notify({CHANNEL}, '{}')", topic.as_str())).execute(conn).map(drop)
}

/// A connection that does nothing else.
pub(super) struct Connection(PgConnection);

impl Connection {
    pub(super) fn begin(mut conn: PgConnection) -> QueryResult<Self> {
        let channel: String = select(sql::<Text>(CHANNEL)).get_result(&mut conn)?;
        conn.batch_execute(&format!("LISTEN {channel}"))?;
        Ok(Self(conn))
    }
}

impl Listener for Connection {
    fn hear(&mut self, patience: Duration) -> Result<Vec<Topic>, StoreError> {
        let until = Instant::now() + patience;
        loop {
            let heard: QueryResult<Vec<_>> = self.0.notifications_iter().collect();
            let heard =
                heard.map_err(|error| store_error("hearing of other processes", error, is_away))?;
            if !heard.is_empty() || Instant::now() >= until {
                let topic = |told: &diesel::pg::PgNotification| Topic::named(&told.payload);
                return Ok(heard.iter().filter_map(topic).collect());
            }
            park_timeout(LOOK_EVERY);
        }
    }
}
