//! The text of the files that came with a run. What is in them is read in a child process; here it is
//! only decided how.

use std::{io::Read as _, sync::Arc};

use access_domain::StoreError;
use deployments_domain::{FileStore, RunFile};
use serde_json::Value;

use super::{Again, Done, Scene, Trouble};
use crate::sandbox::{DocumentError, DocumentFormat};

/// What the texts of several files may take together.
const MAX_TEXT_BYTES: usize = 16 << 20;

/// Between the texts of two files.
const BETWEEN: &str = "\n\n";

/// The text of the item's files, one after the other.
pub(super) async fn extract(scene: &Scene<'_>) -> Result<Done, Trouble> {
    if scene.uploads.is_empty() {
        return Err(Trouble::lasting("there are no files"));
    }
    let mut all = String::new();
    for file in scene.uploads {
        let text = text(file, scene).await?;
        if all.len().saturating_add(text.len()) > MAX_TEXT_BYTES {
            let reason = format!("the files have more than {MAX_TEXT_BYTES} bytes of text");
            return Err(Trouble::lasting(reason));
        }
        if !all.is_empty() {
            all.push_str(BETWEEN);
        }
        all.push_str(&text);
    }
    Ok(Done::of(Value::String(all)))
}

async fn text(file: &RunFile, scene: &Scene<'_>) -> Result<String, Trouble> {
    let of_file = |reason: &dyn std::fmt::Display| format!("{}: {reason}", file.name);
    let Some(format) = format(&file.media_type) else {
        let reason = format!("there is no text to be extracted from {}", file.media_type);
        return Err(Trouble::lasting(of_file(&reason)));
    };
    let limit = scene.tools.confined.max_document_bytes();
    if file.size > limit as u64 {
        return Err(Trouble::lasting(of_file(&DocumentError::TooLarge { limit })));
    }
    let content = content(scene, file).await.map_err(|error| {
        tracing::error!(
            execution_id = %scene.run.id,
            error = &error as &dyn std::error::Error,
            "a file was not read"
        );
        Trouble::failed(of_file(&"the file cannot be read"), Again::After(None))
    })?;
    let text = scene.tools.confined.text_of(format, &content, scene.deadline).await;
    text.map_err(|error| match error {
        // It may only use what is left of its time.
        DocumentError::TimedOut => Trouble::TimedOut,
        DocumentError::Unavailable(_) => {
            tracing::error!(
                execution_id = %scene.run.id,
                error = &error as &dyn std::error::Error,
                "the sandbox failed"
            );
            Trouble::failed(of_file(&error), Again::IfHarmless)
        }
        DocumentError::Died | DocumentError::TooLarge { .. } | DocumentError::Refused(_) => {
            Trouble::lasting(of_file(&error))
        }
    })
}

async fn content(scene: &Scene<'_>, file: &RunFile) -> Result<Vec<u8>, StoreError> {
    let (files, organization, id) =
        (Arc::clone(&scene.tools.files), scene.run.organization, file.id);
    let size = file.size;
    let read = move || read(&*files, organization, id, size);
    tokio::task::spawn_blocking(read).await.unwrap_or_else(|panicked| {
        Err(StoreError::Broken { doing: "reading a file", source: panicked.into() })
    })
}

fn read(
    files: &dyn FileStore,
    organization: access_domain::OrganizationId,
    id: deployments_domain::FileId,
    size: u64,
) -> Result<Vec<u8>, StoreError> {
    let mut content = Vec::new();
    // No more than was kept, whatever lies there now.
    let read = files.open(organization, id)?.take(size).read_to_end(&mut content);
    read.map_err(|source| StoreError::Unavailable {
        doing: "reading a file",
        source: source.into(),
    })?;
    Ok(content)
}

fn format(media_type: &str) -> Option<DocumentFormat> {
    match media_type {
        "application/pdf" => Some(DocumentFormat::Pdf),
        "text/html" => Some(DocumentFormat::Html),
        "application/json" | "application/x-ndjson" => Some(DocumentFormat::Text),
        text if text.starts_with("text/") => Some(DocumentFormat::Text),
        _ => None,
    }
}
