//! What is known of the files of runs. Their content lies elsewhere.

use std::collections::HashMap;

use access_domain::OrganizationId;
use deployments_domain::{ClaimedRun, ExecutionId, FileId, FoundFiles, NewRun, RunFile};
use diesel::{delete, insert_into, prelude::*, update};

use super::super::Conn;
use crate::{
    codec,
    rows::{ClaimedRow, FileRow},
    schema::execution_files,
};

pub(super) fn save_files(conn: &mut Conn, run: &NewRun) -> QueryResult<()> {
    if !run.files.is_empty() {
        insert_into(execution_files::table).values(FileRow::all_of(run)).execute(conn)?;
    }
    Ok(())
}

pub(super) fn files_of_run(
    conn: &mut Conn,
    organization: OrganizationId,
    id: ExecutionId,
) -> QueryResult<Vec<RunFile>> {
    let rows: Vec<FileRow> = execution_files::table
        .filter(execution_files::execution_id.eq(codec::id(id)))
        .filter(execution_files::organization_id.eq(codec::id(organization)))
        .order(execution_files::position)
        .select(FileRow::as_select())
        .load(conn)?;
    rows.into_iter().map(FileRow::read).collect()
}

/// The files of some runs, each in their order.
pub(super) fn files_of<'a>(
    conn: &mut Conn,
    runs: impl Iterator<Item = &'a str>,
) -> QueryResult<HashMap<String, Vec<FileRow>>> {
    let runs: Vec<&str> = runs.collect();
    let mut files: HashMap<String, Vec<FileRow>> = HashMap::new();
    if runs.is_empty() {
        return Ok(files);
    }
    let rows: Vec<FileRow> = execution_files::table
        .filter(execution_files::execution_id.eq_any(runs))
        .order(execution_files::position)
        .select(FileRow::as_select())
        .load(conn)?;
    for row in rows {
        files.entry(row.execution_id.clone()).or_default().push(row);
    }
    Ok(files)
}

/// A run with its files, of those of several; none, when it cannot be read.
pub(super) fn read_claimed(
    row: ClaimedRow,
    files: &mut HashMap<String, Vec<FileRow>>,
) -> Option<ClaimedRun> {
    let files = files.remove(&row.id).unwrap_or_default().into_iter().map(FileRow::read);
    match files.collect::<QueryResult<_>>().and_then(|files| row.read(files)) {
        Ok(run) => Some(run),
        Err(error) => {
            tracing::error!(execution = row.id, %error, "a run cannot be read, and is left out");
            None
        }
    }
}

/// From now on nobody wants the content of these runs' files.
pub(super) fn give_files_up(conn: &mut Conn, runs: &[String]) -> QueryResult<()> {
    update(execution_files::table)
        .filter(execution_files::execution_id.eq_any(runs))
        .set(execution_files::is_kept.eq(false))
        .execute(conn)?;
    Ok(())
}

/// Deletes what is known of the files of these runs, which gave them up before.
pub(super) fn forget_files(conn: &mut Conn, runs: &[String]) -> QueryResult<()> {
    delete(execution_files::table.filter(execution_files::execution_id.eq_any(runs)))
        .execute(conn)?;
    Ok(())
}

pub(super) fn what_is_known_of(conn: &mut Conn, ids: &[FileId]) -> QueryResult<FoundFiles> {
    let rows: Vec<(String, bool)> = execution_files::table
        .filter(execution_files::id.eq_any(ids.iter().map(|id| codec::id(*id))))
        .select((execution_files::id, execution_files::is_kept))
        .load(conn)?;
    let mut found = FoundFiles::default();
    for (id, is_kept) in rows {
        let side = if is_kept { &mut found.kept } else { &mut found.given_up };
        side.push(codec::read_id(&id)?);
    }
    Ok(found)
}
