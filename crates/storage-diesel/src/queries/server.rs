//! What a server asks of its database beside the ports: whether it is there, and which schema it has.

use std::collections::BTreeMap;

use access_domain::{StoreError, Topic};
use diesel::{
    dsl::{count_star, sql},
    migration::{Migration, MigrationConnection as _, MigrationSource},
    prelude::*,
    result::Error,
    select,
    sql_types::{Bool, Integer, Text},
};
use diesel_migrations::MigrationHarness;
use keys_core::PepperName;

use super::{
    super::{Backend, Conn, HAS_MIGRATIONS_TABLE, MIGRATIONS, Store},
    lease::NowAnd,
    queue_depth,
};
use crate::{
    Listener, QueueDepth, Storage,
    schema::{key_secrets, keys, organization_secrets, webhooks},
};

type Migrations = Vec<Box<dyn Migration<Backend>>>;

impl Storage for Store {
    fn check(&self) -> Result<(), StoreError> {
        self.read("checking the database", |conn| {
            select(sql::<Integer>("1")).get_result::<i32>(conn).map(drop)
        })
    }

    fn pending_migrations(&self) -> Result<Vec<String>, StoreError> {
        self.read("reading the schema's version", |conn| Ok(names(&missing(&applied(conn)?)?)))
    }

    fn unknown_migrations(&self) -> Result<Vec<String>, StoreError> {
        self.read("reading the schema's version", |conn| {
            let known: Vec<String> =
                known()?.iter().map(|migration| version(&**migration)).collect();
            let mut versions = applied(conn)?;
            versions.retain(|version| !known.contains(version));
            Ok(versions)
        })
    }

    fn migrate(&self) -> Result<Vec<String>, StoreError> {
        self.migrating("migrating the database", |conn| {
            conn.setup()?;
            // Asked under the lock: another process may have migrated while this one waited.
            let missing = missing(&applied(conn)?)?;
            conn.run_migrations(&missing).map_err(failed)?;
            Ok(names(&missing))
        })
    }

    fn secrets_per_pepper(&self) -> Result<Vec<(PepperName, u64)>, StoreError> {
        self.read("counting the secrets under each pepper", |conn| {
            let counted: Vec<(String, i64)> = key_secrets::table
                .inner_join(keys::table)
                .filter(keys::deleted_at.is_null())
                .group_by(key_secrets::pepper)
                .select((key_secrets::pepper, count_star()))
                .order(key_secrets::pepper)
                .load(conn)?;
            let read = |(name, count)| (PepperName::from_stored(name), i64::unsigned_abs(count));
            Ok(counted.into_iter().map(read).collect())
        })
    }

    fn secrets_per_encryption_key(&self) -> Result<Vec<(String, u64)>, StoreError> {
        self.read("counting the secrets under each encryption key", |conn| {
            let mut counted: BTreeMap<String, u64> = BTreeMap::new();
            let of_organizations: Vec<(String, i64)> = organization_secrets::table
                .group_by(organization_secrets::encryption_key)
                .select((organization_secrets::encryption_key, count_star()))
                .load(conn)?;
            let present: Vec<(String, i64)> = webhooks::table
                .filter(webhooks::deleted_at.is_null())
                .group_by(webhooks::encryption_key)
                .select((webhooks::encryption_key, count_star()))
                .load(conn)?;
            // One that signs no longer is not needed any more.
            let previous: Vec<(String, i64)> = webhooks::table
                .filter(webhooks::deleted_at.is_null())
                .filter(webhooks::previous_until.gt(NowAnd::nothing()))
                .group_by(webhooks::previous_encryption_key)
                .select((webhooks::previous_encryption_key.assume_not_null(), count_star()))
                .load(conn)?;
            for (name, count) in of_organizations.into_iter().chain(present).chain(previous) {
                *counted.entry(name).or_default() += count.unsigned_abs();
            }
            Ok(counted.into_iter().collect())
        })
    }

    fn queue_depth(&self) -> Result<QueueDepth, StoreError> {
        self.read("measuring the queue", queue_depth::load)
    }

    fn ring(&self, topic: Topic) -> Result<(), StoreError> {
        self.ring_others(topic)
    }

    fn listen(&self) -> Result<Option<Box<dyn Listener>>, StoreError> {
        self.listen_to_others()
    }

    fn observe(&self) {
        self.observe_pool();
    }
}

/// The versions that the database has, in order. Diesel's own question for them would create its table.
fn applied(conn: &mut Conn) -> QueryResult<Vec<String>> {
    if !select(sql::<Bool>(HAS_MIGRATIONS_TABLE)).get_result::<bool>(conn)? {
        return Ok(Vec::new());
    }
    diesel::sql_query("SELECT version FROM __diesel_schema_migrations ORDER BY version")
        .load::<Applied>(conn)
        .map(|rows| rows.into_iter().map(|row| row.version).collect())
}

#[derive(QueryableByName)]
struct Applied {
    #[diesel(sql_type = Text)]
    version: String,
}

fn known() -> QueryResult<Migrations> {
    let mut migrations: Migrations = MIGRATIONS.migrations().map_err(failed)?;
    migrations.sort_by_cached_key(|migration| version(&**migration));
    Ok(migrations)
}

fn missing(applied: &[String]) -> QueryResult<Migrations> {
    let mut migrations = known()?;
    migrations.retain(|migration| !applied.contains(&version(&**migration)));
    Ok(migrations)
}

fn version(migration: &dyn Migration<Backend>) -> String {
    migration.name().version().to_string()
}

fn names(migrations: &Migrations) -> Vec<String> {
    migrations.iter().map(|migration| migration.name().to_string()).collect()
}

fn failed(error: Box<dyn std::error::Error + Send + Sync>) -> Error {
    match error.downcast::<Error>() {
        Ok(error) => *error,
        Err(error) => Error::QueryBuilderError(error),
    }
}
