//! A row of any table, as both databases can say it. Knows neither names nor meanings.

use diesel::{
    deserialize::{self, FromSql, QueryableByName},
    pg::{Pg, PgValue},
    row::{Field, NamedRow},
    sql_types::{BigInt, Binary, Bool, Text},
    sqlite::{Sqlite, SqliteType},
};

/// What stands in one place of a row. Both databases have other types beside; no column is of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Null,
    /// Flags as well: 0 and 1.
    Integer(i64),
    Text(String),
    Bytes(Vec<u8>),
}

impl Value {
    /// About as much memory as it takes.
    pub(super) fn bytes(&self) -> usize {
        let content = match self {
            Self::Null | Self::Integer(_) => 0,
            Self::Text(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
        };
        content + 16
    }

    /// For people who look for the row.
    pub(super) fn told(&self) -> String {
        match self {
            Self::Null => "null".into(),
            Self::Integer(number) => number.to_string(),
            Self::Text(text) => text.clone(),
            Self::Bytes(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }
}

/// A row, in the order of the columns that were asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row(pub(super) Vec<Value>);

impl QueryableByName<Sqlite> for Row {
    fn build<'a>(row: &impl NamedRow<'a, Sqlite>) -> deserialize::Result<Self> {
        let mut values = Vec::with_capacity(row.field_count());
        for index in 0..row.field_count() {
            let field = diesel::row::Row::get(row, index).ok_or("a column is missing")?;
            let value = field.value();
            let is = value.as_ref().and_then(|value| value.value_type());
            let value = match (value, is) {
                (None, _) | (_, None) => Value::Null,
                (Some(value), Some(SqliteType::Text)) => {
                    Value::Text(FromSql::<Text, Sqlite>::from_sql(value)?)
                }
                (Some(value), Some(SqliteType::Binary)) => {
                    Value::Bytes(FromSql::<Binary, Sqlite>::from_sql(value)?)
                }
                (
                    Some(value),
                    Some(SqliteType::Long | SqliteType::Integer | SqliteType::SmallInt),
                ) => Value::Integer(FromSql::<BigInt, Sqlite>::from_sql(value)?),
                (Some(_), Some(SqliteType::Float | SqliteType::Double)) => {
                    return Err("no column holds fractions".into());
                }
            };
            values.push(value);
        }
        Ok(Self(values))
    }
}

/// The types of `PostgreSQL`, by the numbers that they have in every one of them.
const BOOL: u32 = 16;
const BYTEA: u32 = 17;
const INT8: u32 = 20;
const TEXT: u32 = 25;

impl QueryableByName<Pg> for Row {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> deserialize::Result<Self> {
        let mut values = Vec::with_capacity(row.field_count());
        for index in 0..row.field_count() {
            let field = diesel::row::Row::get(row, index).ok_or("a column is missing")?;
            values.push(field.value().map_or(Ok(Value::Null), read)?);
        }
        Ok(Self(values))
    }
}

fn read(value: PgValue<'_>) -> deserialize::Result<Value> {
    Ok(match value.get_oid().get() {
        BOOL => Value::Integer(<bool as FromSql<Bool, Pg>>::from_sql(value)?.into()),
        BYTEA => Value::Bytes(FromSql::<Binary, Pg>::from_sql(value)?),
        INT8 => Value::Integer(FromSql::<BigInt, Pg>::from_sql(value)?),
        TEXT => Value::Text(FromSql::<Text, Pg>::from_sql(value)?),
        other => return Err(format!("values of the type {other} are not known").into()),
    })
}
