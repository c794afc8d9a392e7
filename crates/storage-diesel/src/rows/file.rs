//! Files that came with runs.

use deployments_domain::{NewRun, RunFile};
use diesel::{QueryResult, prelude::*};

use crate::{codec, schema::execution_files};

#[derive(Insertable, Queryable, Selectable)]
#[diesel(table_name = execution_files)]
pub(crate) struct FileRow {
    id: String,
    pub(crate) execution_id: String,
    organization_id: String,
    position: i32,
    name: String,
    media_type: String,
    size: i64,
    sha256: String,
    is_kept: bool,
}

impl FileRow {
    pub(crate) fn all_of(run: &NewRun) -> Vec<Self> {
        let row = |(position, file): (i32, &RunFile)| Self {
            id: codec::id(file.id),
            execution_id: codec::id(run.id),
            organization_id: codec::id(run.organization),
            position,
            name: codec::printable(&file.name),
            media_type: file.media_type.clone(),
            size: i64::try_from(file.size).unwrap_or(i64::MAX),
            sha256: file.sha256.clone(),
            is_kept: true,
        };
        (0..).zip(&run.files).map(row).collect()
    }

    pub(crate) fn read(self) -> QueryResult<RunFile> {
        Ok(RunFile {
            id: codec::read_id(&self.id)?,
            name: self.name,
            media_type: self.media_type,
            size: self.size.unsigned_abs(),
            sha256: self.sha256,
        })
    }
}
