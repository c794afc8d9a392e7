//! The PostgreSQL that everything is moved into: what tables it has, and how they are filled in one transaction.

use diesel::{
    Connection, PgConnection, QueryResult, QueryableByName, RunQueryDsl as _,
    connection::SimpleConnection,
    pg::PgRowByRowLoadingMode,
    sql_query,
    sql_types::{Array, BigInt, Binary, Bool, Nullable, Text},
};

use super::{
    COLUMNS_LEFT_OUT, LEFT_OUT, Rows, TransferError, failed, options,
    value::{Row, Value},
};
use crate::postgres_url::PostgresUrl;

/// Nothing is bounded in time but the wait for others who hold a table: indexes and references of large tables take long.
const SET_UP: &str = "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET lock_timeout = '10s'";

/// The tables, with the columns of each and its place in the key; ours are those that the migrations made.
const COLUMNS: &str = "SELECT c.relname::text AS \"table\", a.attname::text AS name, format_type(a.atttypid, NULL) AS type, \
        coalesce(array_position(i.indkey::smallint[], a.attnum), -1)::bigint AS key \
    FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
        LEFT JOIN pg_index AS i ON i.indrelid = c.oid AND i.indisprimary \
    WHERE c.relkind IN ('r', 'p') AND c.relnamespace = current_schema()::regnamespace \
    ORDER BY c.relname, a.attnum";

/// The references between tables; they are dropped while the tables are filled, since some go round in a circle.
const REFERENCES: &str = "SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) AS away, \
        format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) AS back \
    FROM pg_constraint WHERE contype = 'f' AND connamespace = current_schema()::regnamespace ORDER BY 1";

/// A table of the target.
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: Vec<Column>,
}

pub(super) struct Column {
    pub(super) name: String,
    kind: Kind,
    /// The place in the primary key, from 0.
    key: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Flag,
    Integer,
    Text,
    Bytes,
}

impl Kind {
    fn of(type_name: &str) -> Option<Self> {
        match type_name {
            "boolean" => Some(Self::Flag),
            "smallint" | "integer" | "bigint" => Some(Self::Integer),
            "text" => Some(Self::Text),
            "bytea" => Some(Self::Bytes),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Flag => "boolean",
            Self::Integer => "bigint",
            Self::Text => "text",
            Self::Bytes => "bytea",
        }
    }
}

impl Table {
    /// Something of each column, joined by commas.
    pub(super) fn listed(&self, of: impl Fn(&Column) -> String) -> String {
        self.columns.iter().map(of).collect::<Vec<_>>().join(", ")
    }

    /// Something of each column of the key.
    pub(super) fn keyed(&self, of: impl Fn(&Column) -> String) -> String {
        let mut key: Vec<&Column> = self.columns.iter().filter(|one| one.key.is_some()).collect();
        key.sort_by_key(|column| column.key);
        key.into_iter().map(of).collect::<Vec<_>>().join(", ")
    }

    /// Where a row stands.
    pub(super) fn place(&self, row: &Row) -> String {
        let key = self.columns.iter().zip(&row.0).filter(|(column, _)| column.key.is_some());
        let key: Vec<String> = key.map(|(_, value)| value.told()).collect();
        format!("{} ({})", self.name, key.join(", "))
    }

    pub(super) fn batch(&self) -> Batch<'_> {
        let cells = self.columns.iter().map(|column| Cells::new(column.kind)).collect();
        Batch { table: self, cells, rows: 0, bytes: 0 }
    }
}

/// Rows on their way, by column: `PostgreSQL` takes each column as one array.
pub(super) struct Batch<'a> {
    table: &'a Table,
    cells: Vec<Cells>,
    rows: usize,
    bytes: usize,
}

enum Cells {
    Flags(Vec<Option<bool>>),
    Integers(Vec<Option<i64>>),
    Texts(Vec<Option<String>>),
    Bytes(Vec<Option<Vec<u8>>>),
}

impl Cells {
    fn new(kind: Kind) -> Self {
        match kind {
            Kind::Flag => Self::Flags(Vec::new()),
            Kind::Integer => Self::Integers(Vec::new()),
            Kind::Text => Self::Texts(Vec::new()),
            Kind::Bytes => Self::Bytes(Vec::new()),
        }
    }

    /// What is wrong with the value, if it does not fit.
    fn push(&mut self, value: Value) -> Result<(), &'static str> {
        match (self, value) {
            (Self::Flags(cells), Value::Null) => cells.push(None),
            (Self::Flags(cells), Value::Integer(flag @ (0 | 1))) => cells.push(Some(flag == 1)),
            (Self::Integers(cells), Value::Null) => cells.push(None),
            (Self::Integers(cells), Value::Integer(number)) => cells.push(Some(number)),
            (Self::Texts(cells), Value::Null) => cells.push(None),
            (Self::Texts(_), Value::Text(text)) if text.contains('\0') => {
                return Err("PostgreSQL keeps no text with a NUL in it");
            }
            (Self::Texts(cells), Value::Text(text)) => cells.push(Some(text)),
            (Self::Bytes(cells), Value::Null) => cells.push(None),
            (Self::Bytes(cells), Value::Bytes(bytes)) => cells.push(Some(bytes)),
            (
                Self::Flags(_) | Self::Integers(_) | Self::Texts(_) | Self::Bytes(_),
                Value::Integer(_) | Value::Text(_) | Value::Bytes(_),
            ) => return Err("the value is of another type than its column"),
        }
        Ok(())
    }
}

impl Batch<'_> {
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn push(&mut self, row: Row) -> Result<(), TransferError> {
        let place = self.table.place(&row);
        for ((column, cells), value) in self.table.columns.iter().zip(&mut self.cells).zip(row.0) {
            self.bytes += value.bytes();
            cells.push(value).map_err(|why| {
                let place = format!("{place}, {}", column.name);
                TransferError::Unfit { place, why }
            })?;
        }
        self.rows += 1;
        Ok(())
    }
}

/// A `PostgreSQL` with a transaction open.
pub(super) struct Target {
    connection: PgConnection,
}

impl Target {
    /// Whether anything stands where the tables are to be made.
    pub(super) fn refuse_strangers(url: &str) -> Result<(), TransferError> {
        let mut target = Self::connect(url)?;
        let columns: Vec<ColumnRow> = target.load(COLUMNS)?;
        let is_ours = columns.iter().any(|column| column.table == "__diesel_schema_migrations");
        match columns.into_iter().next() {
            Some(column) if !is_ours => Err(TransferError::Strange(column.table)),
            Some(_) | None => Ok(()),
        }
    }

    /// Does `work` in one transaction: all of it stands when this returns, or nothing does.
    pub(super) fn fill<T>(
        url: &str,
        work: impl FnOnce(&mut Self) -> Result<T, TransferError>,
    ) -> Result<T, TransferError> {
        let mut target = Self::connect(url)?;
        target.execute("beginning the transaction", "BEGIN")?;
        // Where this fails, the connection ends with it, and with the connection the transaction.
        let done = work(&mut target)?;
        target.execute("committing", "COMMIT")?;
        Ok(done)
    }

    fn connect(url: &str) -> Result<Self, TransferError> {
        let side = "target";
        let unknown = || TransferError::Open { side, source: crate::OpenError::UnknownUrl };
        let url = PostgresUrl::parse(url).ok_or_else(unknown)?;
        let full = url.with_defaults(options().connection_timeout);
        let connection = PgConnection::establish(&full)
            .map_err(|error| TransferError::Open { side, source: url.refused(&error) })?;
        let mut target = Self { connection };
        target.execute("setting the connection up", SET_UP)?;
        Ok(target)
    }

    /// The tables that are to be filled, which nobody else reads or writes from now on.
    pub(super) fn tables(&mut self) -> Result<Vec<Table>, TransferError> {
        let mut tables: Vec<Table> = Vec::new();
        for row in self.load::<ColumnRow>(COLUMNS)? {
            let is_left_out = COLUMNS_LEFT_OUT.contains(&(&row.table, &row.name));
            if is_left_out || LEFT_OUT.contains(&row.table.as_str()) {
                continue;
            }
            let unlike = || TransferError::Unlike(row.table.clone());
            let kind = Kind::of(&row.type_name).ok_or_else(unlike)?;
            let column = Column { name: row.name, kind, key: (row.key >= 0).then_some(row.key) };
            match tables.last_mut().filter(|table| table.name == row.table) {
                Some(table) => table.columns.push(column),
                None => tables.push(Table { name: row.table, columns: vec![column] }),
            }
        }
        // Rows that cannot be told apart cannot be compared.
        let is_keyless = |table: &&Table| table.columns.iter().all(|column| column.key.is_none());
        if let Some(table) = tables.iter().find(is_keyless) {
            return Err(TransferError::Unlike(table.name.clone()));
        }
        let names: Vec<String> = tables.iter().map(|table| format!("\"{}\"", table.name)).collect();
        let lock = format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", names.join(", "));
        self.execute("locking the target's tables", &lock)?;
        Ok(tables)
    }

    /// Nothing but what the migrations themselves put there, which goes.
    pub(super) fn check_empty(&mut self, table: &Table) -> Result<(), TransferError> {
        if table.name == "audit_totals" {
            // One row that says that nothing was sealed yet.
            self.execute("emptying a table", "DELETE FROM audit_totals WHERE sealed = 0")?;
        }
        let sql = format!("SELECT 1::bigint AS number FROM \"{}\" LIMIT 1", table.name);
        if self.load::<Number>(&sql)?.is_empty() {
            return Ok(());
        }
        Err(TransferError::NotEmpty(table.name.clone()))
    }

    /// Takes the references between the tables away, and returns how they are made again.
    pub(super) fn drop_references(&mut self) -> Result<Vec<String>, TransferError> {
        let references: Vec<Reference> = self.load(REFERENCES)?;
        for reference in &references {
            self.execute("dropping a reference", &reference.away)?;
        }
        Ok(references.into_iter().map(|reference| reference.back).collect())
    }

    /// Makes them again, which checks every row.
    pub(super) fn restore_references(
        &mut self,
        references: &[String],
    ) -> Result<(), TransferError> {
        references.iter().try_for_each(|back| self.execute("checking a reference", back))
    }

    /// Writes the batch, which is empty afterwards; returns how many rows it had.
    pub(super) fn insert(&mut self, batch: &mut Batch<'_>) -> Result<usize, TransferError> {
        let table = batch.table;
        let full = std::mem::replace(batch, table.batch());
        if full.rows == 0 {
            return Ok(0);
        }
        let places = (1..).zip(&table.columns);
        let arrays: Vec<String> =
            places.map(|(number, column)| format!("${number}::{}[]", column.kind.name())).collect();
        let mut insert = sql_query(format!(
            "INSERT INTO \"{}\" ({}) SELECT * FROM unnest({})",
            table.name,
            table.listed(|column| format!("\"{}\"", column.name)),
            arrays.join(", "),
        ))
        .into_boxed::<diesel::pg::Pg>();
        for cells in full.cells {
            insert = match cells {
                Cells::Flags(cells) => insert.bind::<Array<Nullable<Bool>>, _>(cells),
                Cells::Integers(cells) => insert.bind::<Array<Nullable<BigInt>>, _>(cells),
                Cells::Texts(cells) => insert.bind::<Array<Nullable<Text>>, _>(cells),
                Cells::Bytes(cells) => insert.bind::<Array<Nullable<Binary>>, _>(cells),
            };
        }
        let inserted = insert.execute(&mut self.connection);
        inserted.map_err(|error| failed(format!("writing {}", table.name), error))
    }

    /// All rows, in the order of their keys as SQLite has it.
    pub(super) fn rows(&mut self, table: &Table) -> Result<Rows<'_>, TransferError> {
        let sql = format!(
            "SELECT {} FROM \"{}\" ORDER BY {}",
            table.listed(|column| format!("\"{}\"::{}", column.name, column.kind.name())),
            table.name,
            table.keyed(|column| match column.kind {
                Kind::Text => format!("\"{}\" COLLATE \"C\"", column.name),
                Kind::Flag | Kind::Integer | Kind::Bytes => format!("\"{}\"", column.name),
            }),
        );
        let rows = sql_query(sql).load_iter::<Row, PgRowByRowLoadingMode>(&mut self.connection);
        let rows = rows.map_err(|error| failed(format!("reading {} again", table.name), error))?;
        Ok(Box::new(rows))
    }

    /// Otherwise the first questions would be answered as if the tables were still empty.
    pub(super) fn analyze(&mut self, tables: &[Table]) -> Result<(), TransferError> {
        let names: Vec<String> = tables.iter().map(|table| format!("\"{}\"", table.name)).collect();
        self.execute("counting what was written", &format!("ANALYZE {}", names.join(", ")))
    }

    fn execute(&mut self, doing: &str, sql: &str) -> Result<(), TransferError> {
        self.connection.batch_execute(sql).map_err(|error| failed(doing.to_owned(), error))
    }

    fn load<T: QueryableByName<diesel::pg::Pg> + 'static>(
        &mut self,
        sql: &str,
    ) -> Result<Vec<T>, TransferError> {
        let loaded: QueryResult<Vec<T>> = sql_query(sql).load(&mut self.connection);
        loaded.map_err(|error| failed("reading the target's schema".into(), error))
    }
}

#[derive(QueryableByName)]
struct ColumnRow {
    #[diesel(sql_type = Text)]
    table: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text, column_name = "type")]
    type_name: String,
    #[diesel(sql_type = BigInt)]
    key: i64,
}

#[derive(QueryableByName)]
struct Reference {
    #[diesel(sql_type = Text)]
    away: String,
    #[diesel(sql_type = Text)]
    back: String,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    #[expect(dead_code, reason = "that there is one is what was asked")]
    number: i64,
}
