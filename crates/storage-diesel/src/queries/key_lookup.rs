//! The keys behind digests, for authentication.

use std::collections::BTreeMap;

use access_domain::{
    Candidate, ForeignDigests, FoundBy, KeyLookup, KeyMatches, KeyQuery, KeyRecord, StoreError,
};
use diesel::{
    delete, insert_into,
    prelude::*,
    result::Error,
    sql_types::{BigInt, Binary},
    update,
};
use keys_core::{Digest, ForeignPrefix, KeyId, Pbkdf2Hash, PepperName, StoredSecret, Timestamp};

use super::super::{Conn, Store};
use crate::{
    codec,
    rows::{FoundKeyRow, SecretRow},
    schema::{deployments, imported_secrets, key_secrets, keys, organizations},
};

/// Two parameters each; PostgreSQL takes 65535, SQLite 32766.
const USES_PER_STATEMENT: usize = 1000;

/// Of the keys of one prefix, so many are held against a text: each costs up to a second.
const MAX_CANDIDATES: usize = 4;

/// Keys that may be found. Deleted keys of deployments and organizations are, and revoked: who holds one is told the truth. A
/// deleted deployment needs no condition of its own, since its keys were deleted with it. A deleted platform key has lost its
/// slot, and speaks for nothing.
macro_rules! findable {
    () => {
        keys::deleted_at.is_null().or(keys::kind.ne("platform"))
    };
}

impl KeyLookup for Store {
    fn find_keys(&self, queries: &[KeyQuery]) -> Result<Vec<KeyMatches>, StoreError> {
        self.read("looking keys up", |conn| {
            // Each read sees what is there when it begins. The first use of an imported key moves it from these to those:
            // in this order it is found at least once, and of both the native one counts.
            let candidates = candidates(conn, queries)?;
            let imported = imported(conn, queries)?;
            let native = native(conn, queries)?;
            let matching = |query: &KeyQuery| {
                let digests = query.digests.iter().map(|digest| digest.as_bytes().as_slice());
                let by_digest = digests
                    .flat_map(|digest| native.iter().filter(move |(found, _)| found == digest));
                let foreign = query.foreign.as_ref();
                let by_import = imported.iter().filter(|(found, _)| {
                    foreign.is_some_and(|foreign| {
                        found == foreign.sha256.as_slice() || found == foreign.sha512.as_slice()
                    })
                });
                by_digest.chain(by_import).map(|(_, record)| record.clone()).collect()
            };
            let found: Vec<KeyMatches> =
                queries.iter().map(|query| KeyMatches::new(matching(query))).collect();
            Ok(with_candidates(queries, found, &candidates))
        })
    }

    fn rehash(&self, from: &Digest, to: &Digest, pepper: &PepperName) -> Result<(), StoreError> {
        self.save("moving a secret to another pepper", |conn| {
            let to = to.as_bytes().as_slice();
            let is_there = key_secrets::table.find(to).select(key_secrets::pepper);
            // Another server may have moved it at the same time.
            if is_there.first::<String>(conn).optional()?.is_some() {
                return Ok(());
            }
            update(key_secrets::table.find(from.as_bytes().as_slice()))
                .set((key_secrets::digest.eq(to), key_secrets::pepper.eq(pepper.as_str())))
                .execute(conn)
                .map(drop)
        })
    }

    fn adopt(
        &self,
        key: &KeyRecord,
        secret: &StoredSecret,
        foreign: &ForeignDigests,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.save_keys(key.organization.id, "adopting an imported secret", |conn| {
            adopt(conn, key.id, secret, foreign, at)
        })
    }

    fn note_uses(&self, uses: &[(Digest, Timestamp)]) -> Result<(), StoreError> {
        self.save("noting the use of keys", |conn| {
            let mut last = BTreeMap::new();
            for (digest, at) in uses {
                let at = codec::micros(*at);
                let noted = last.entry(digest.as_bytes().as_slice()).or_insert(at);
                *noted = at.max(*noted);
            }
            let last: Vec<(&[u8], i64)> = last.into_iter().collect();
            last.chunks(USES_PER_STATEMENT).try_for_each(|uses| note(conn, uses))
        })
    }
}

fn adopt(
    conn: &mut Conn,
    key: KeyId,
    secret: &StoredSecret,
    foreign: &ForeignDigests,
    at: Timestamp,
) -> QueryResult<()> {
    let id = codec::id(key);
    locked!(keys::table.find(&id).select(keys::id)).first::<String>(conn)?;
    let imported: Option<(i64, Option<i64>)> = imported_secrets::table
        .find(&id)
        .select((imported_secrets::created_at, imported_secrets::grace_until))
        .first(conn)
        .optional()?;
    let Some((created_at, grace_until)) = imported else { return Ok(()) };
    let digests = [foreign.sha256.as_slice(), foreign.sha512.as_slice()];
    let rivals: i64 = imported_secrets::table
        .inner_join(keys::table)
        .filter(imported_secrets::digest.eq_any(digests))
        .filter(imported_secrets::key_id.ne(&id))
        .filter(keys::deleted_at.is_null())
        .count()
        .get_result(conn)?;
    if rivals > 0 {
        return Ok(());
    }
    let row = (
        SecretRow::of(key, secret, codec::read_micros(created_at)?),
        key_secrets::grace_until.eq(grace_until),
        key_secrets::last_used_at.eq(Some(codec::micros(at))),
    );
    // Two organizations' at once: one is kept, and the other stays as it is.
    let kept =
        insert_into(key_secrets::table).values(row).on_conflict_do_nothing().execute(conn)?;
    if kept > 0 {
        delete(imported_secrets::table.find(&id)).execute(conn)?;
    }
    Ok(())
}

/// Notes the uses of different secrets, which stand in the order of their digests.
fn note(conn: &mut Conn, uses: &[(&[u8], i64)]) -> QueryResult<()> {
    let digests = uses.iter().map(|(digest, _)| *digest);
    // Locked in one order by everybody, or two servers could wait for each other: an UPDATE locks
    // its rows as it comes upon them.
    let _: Vec<String> = locked!(
        key_secrets::table
            .filter(key_secrets::digest.eq_any(digests))
            .order(key_secrets::digest)
            .select(key_secrets::key_id)
    )
    .load(conn)?;
    // Both databases number parameters so, and name the columns of VALUES so.
    let values: Vec<_> =
        (1..=uses.len()).map(|use_| format!("(${}, ${})", use_ * 2 - 1, use_ * 2)).collect();
    let statement = format!(
        "UPDATE key_secrets SET last_used_at = noted.column2 \
         FROM (VALUES {}) AS noted \
         WHERE digest = noted.column1 AND (last_used_at IS NULL OR last_used_at < noted.column2)",
        values.join(", ")
    );
    let mut statement = diesel::sql_query(statement).into_boxed();
    for (digest, at) in uses {
        statement = statement.bind::<Binary, _>(*digest).bind::<BigInt, _>(*at);
    }
    statement.execute(conn).map(drop)
}

/// Digest, pepper, end of the grace.
type FoundSecret = (Vec<u8>, String, Option<i64>);

/// Keys by the digests of their secrets.
fn native(conn: &mut Conn, queries: &[KeyQuery]) -> QueryResult<Vec<(Vec<u8>, KeyRecord)>> {
    let digests = queries.iter().flat_map(|query| &query.digests);
    let digests: Vec<&[u8]> = digests.map(|digest| digest.as_bytes().as_slice()).collect();
    let found: Vec<(FoundKeyRow, FoundSecret)> = keys::table
        .inner_join(key_secrets::table)
        .inner_join(organizations::table)
        .left_join(deployments::table)
        .filter(key_secrets::digest.eq_any(digests))
        .filter(findable!())
        .select((
            FoundKeyRow::as_select(),
            (key_secrets::digest, key_secrets::pepper, key_secrets::grace_until),
        ))
        .load(conn)?;
    let read = |(row, (digest, pepper, grace_until)): (FoundKeyRow, FoundSecret)| {
        let secret = FoundBy::Native {
            digest: codec::read_digest(digest.clone())?,
            pepper: PepperName::from_stored(pepper),
        };
        Ok((digest, row.read(secret, grace_until)?))
    };
    found.into_iter().map(read).collect()
}

/// Keys by the digests of other systems.
fn imported(conn: &mut Conn, queries: &[KeyQuery]) -> QueryResult<Vec<(Vec<u8>, KeyRecord)>> {
    let foreign = queries.iter().filter_map(|query| query.foreign.as_ref());
    let digests: Vec<&[u8]> =
        foreign.flat_map(|of| [of.sha256.as_slice(), of.sha512.as_slice()]).collect();
    if digests.is_empty() {
        return Ok(Vec::new());
    }
    let found: Vec<(FoundKeyRow, Vec<u8>, Option<i64>)> = keys::table
        .inner_join(imported_secrets::table)
        .inner_join(organizations::table)
        .left_join(deployments::table)
        .filter(imported_secrets::digest.eq_any(digests))
        .filter(imported_secrets::algorithm.ne("pbkdf2_sha256"))
        // A deleted one would stand in the way of another organization's.
        .filter(keys::deleted_at.is_null())
        .order(keys::id)
        .select((FoundKeyRow::as_select(), imported_secrets::digest, imported_secrets::grace_until))
        .load(conn)?;
    let read = |(row, digest, grace_until): (FoundKeyRow, Vec<u8>, Option<i64>)| {
        Ok((digest, row.read(FoundBy::Imported, grace_until)?))
    };
    found.into_iter().map(read).collect()
}

/// What a salted hash is kept as: prefix, digest, salt, iterations, end of the grace.
type SaltedSecret = (Option<String>, Vec<u8>, Option<String>, Option<i32>, Option<i64>);

/// Adds the keys that only a slow hash can tell, to those texts that found no key of ours.
fn with_candidates(
    queries: &[KeyQuery],
    found: Vec<KeyMatches>,
    candidates: &[(Option<ForeignPrefix>, Candidate)],
) -> Vec<KeyMatches> {
    let is_open = |found: &KeyMatches| found.is_empty() || found.adoptable().is_some();
    let of = |query: &KeyQuery| {
        let own = candidates.iter().filter(|(of, _)| of.is_some() && *of == prefix(query));
        own.take(MAX_CANDIDATES).map(|(_, candidate)| candidate.clone()).collect()
    };
    let with = |(found, query): (KeyMatches, &KeyQuery)| {
        if is_open(&found) { found.with_candidates(of(query)) } else { found }
    };
    found.into_iter().zip(queries).map(with).collect()
}

fn prefix(query: &KeyQuery) -> Option<ForeignPrefix> {
    query.foreign.as_ref().and_then(|of| of.prefix.clone())
}

/// Keys under salted hashes, by what the texts begin with.
fn candidates(
    conn: &mut Conn,
    queries: &[KeyQuery],
) -> QueryResult<Vec<(Option<ForeignPrefix>, Candidate)>> {
    let prefixes: Vec<ForeignPrefix> = queries.iter().filter_map(prefix).collect();
    if prefixes.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<(FoundKeyRow, SaltedSecret)> = keys::table
        .inner_join(imported_secrets::table)
        .inner_join(organizations::table)
        .left_join(deployments::table)
        .filter(
            imported_secrets::prefix
                .assume_not_null()
                .eq_any(prefixes.iter().map(ForeignPrefix::as_str)),
        )
        .filter(imported_secrets::algorithm.eq("pbkdf2_sha256"))
        .filter(keys::deleted_at.is_null())
        .order(keys::id)
        .select((
            FoundKeyRow::as_select(),
            (
                imported_secrets::prefix,
                imported_secrets::digest,
                imported_secrets::salt,
                imported_secrets::iterations,
                imported_secrets::grace_until,
            ),
        ))
        .load(conn)?;
    rows.into_iter().map(candidate).collect()
}

fn candidate(
    (row, salted): (FoundKeyRow, SaltedSecret),
) -> QueryResult<(Option<ForeignPrefix>, Candidate)> {
    let (prefix, digest, salt, iterations, grace_until) = salted;
    let digest = *codec::read_digest(digest)?.as_bytes();
    let iterations = codec::read_unsigned(iterations.unwrap_or_default())?;
    let hash = Pbkdf2Hash::new(iterations, salt.unwrap_or_default(), digest.into())
        .map_err(|error| Error::DeserializationError(Box::new(error)))?;
    let prefix = prefix.and_then(|text| ForeignPrefix::parse(&text).ok());
    Ok((prefix, Candidate { record: row.read(FoundBy::Imported, grace_until)?, hash }))
}
