//! Reading `multipart/form-data`: parts are bounded in number and size while they arrive, and files go
//! to the store of files as they come. Must not know what the fields mean.

use std::{pin::Pin, sync::Arc, time::Duration};

use access_domain::StoreError;
use actix_multipart::{Field, Multipart};
use actix_web::{
    http::header::{CONTENT_TYPE, HeaderMap, HeaderValue},
    web,
};
use api_types::ErrorCode;
use auth_actix::{ApiError, run_blocking};
use deployments_domain::{FileStore, Incoming, Upload};
use futures_core::Stream;
use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, timeout_at};

use crate::media_type::{HEAD_BYTES, judge};

/// The name of parts that are files.
const FILES: &str = "files";
const MAX_FILES: usize = 32;
const MAX_PARTS: usize = 100;
const MAX_NAME_BYTES: usize = 64;
const MAX_FILE_NAME_BYTES: usize = 200;
/// Content is hashed and stored off the event loop, so much at a time.
const STORED_AT_ONCE: usize = 256 << 10;

/// What a form is bounded by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FormBounds {
    /// The largest file, in bytes.
    pub(crate) max_file_bytes: u64,
    /// All files together.
    pub(crate) max_files_bytes: u64,
    /// All other parts together.
    pub(crate) max_fields_bytes: usize,
    /// How long nothing may arrive.
    pub(crate) silence: Duration,
    /// How long all of it may take.
    pub(crate) within: Duration,
}

/// A form that has arrived.
pub(crate) struct Form {
    /// Everything that is no file, in its order.
    pub(crate) fields: Vec<(String, String)>,
    /// The files, in their order. Dropping them leaves nothing behind.
    pub(crate) files: Vec<Upload>,
    /// The names of the parts and the digests of their contents, in their order.
    pub(crate) identity: web::Bytes,
}

/// Reads a form of this media type.
pub(crate) async fn read(
    media_type: &HeaderValue,
    payload: web::Payload,
    bounds: FormBounds,
    store: Arc<dyn FileStore>,
) -> Result<Form, ApiError> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, media_type.clone());
    let mut reader = Reader {
        bounds,
        store,
        end: Instant::now() + bounds.within,
        left_for_fields: bounds.max_fields_bytes,
        left_for_files: bounds.max_files_bytes,
        form: Form { fields: Vec::new(), files: Vec::new(), identity: web::Bytes::new() },
        identity: Vec::new(),
    };
    let mut parts = Multipart::new(&headers, payload);
    for _ in 0..MAX_PARTS {
        match reader.next(&mut parts).await? {
            Some(part) => reader.part(part).await?,
            None => return Ok(Form { identity: reader.identity.into(), ..reader.form }),
        }
    }
    Err(too_many(format!("a form may have at most {MAX_PARTS} parts")))
}

struct Reader {
    bounds: FormBounds,
    store: Arc<dyn FileStore>,
    end: Instant,
    left_for_fields: usize,
    left_for_files: u64,
    form: Form,
    identity: Vec<u8>,
}

impl Reader {
    /// The next of a stream, unless it comes too late.
    async fn next<T>(
        &self,
        stream: &mut (impl Stream<Item = Result<T, actix_multipart::MultipartError>> + Unpin),
    ) -> Result<Option<T>, ApiError> {
        let deadline = self.end.min(Instant::now() + self.bounds.silence);
        let next = std::future::poll_fn(|context| Pin::new(&mut *stream).poll_next(context));
        match timeout_at(deadline, next).await {
            Ok(next) => next.transpose().map_err(|_| malformed()),
            Err(_) => {
                let detail = "the form did not arrive in time, or nothing arrived for too long";
                Err(ApiError::new(ErrorCode::RequestTimeout, detail))
            }
        }
    }

    async fn part(&mut self, mut part: Field) -> Result<(), ApiError> {
        let name = part.name().unwrap_or_default().to_owned();
        if name.is_empty() || name.len() > MAX_NAME_BYTES {
            let detail = format!("each part has a name of 1 to {MAX_NAME_BYTES} bytes");
            return Err(ApiError::new(ErrorCode::MalformedMultipart, detail));
        }
        let file_name = file_name(&part);
        let digest = if name == FILES {
            if self.form.files.len() == MAX_FILES {
                return Err(too_many(format!("a call may bring at most {MAX_FILES} files")));
            }
            let upload = self.file(&mut part, &file_name.unwrap_or_default()).await?;
            let digest = upload.sha256.clone().into_bytes();
            self.form.files.push(upload);
            digest
        } else if file_name.is_some() {
            let detail = format!("files are sent as parts named '{FILES}'");
            return Err(ApiError::at(ErrorCode::UnknownField, format!("/{name}"), detail));
        } else {
            let text = self.field(&mut part, &name).await?;
            let digest = Sha256::digest(text.as_bytes()).to_vec();
            self.form.fields.push((name.clone(), text));
            digest
        };
        // A name is followed by its end, and each digest of a kind has one length.
        self.identity.extend_from_slice(name.as_bytes());
        self.identity.push(b'\n');
        self.identity.extend_from_slice(&digest);
        Ok(())
    }

    async fn field(&mut self, part: &mut Field, name: &str) -> Result<String, ApiError> {
        if self.form.fields.iter().any(|(known, _)| known == name) {
            let detail = format!("'{name}' stands there twice");
            return Err(ApiError::at(ErrorCode::InvalidValue, format!("/{name}"), detail));
        }
        let mut content = Vec::new();
        while let Some(chunk) = self.next(part).await? {
            if chunk.len() > self.left_for_fields {
                let most = self.bounds.max_fields_bytes;
                let detail = format!("the body may have at most {most} bytes beside its files");
                return Err(ApiError::new(ErrorCode::BodyTooLarge, detail));
            }
            self.left_for_fields -= chunk.len();
            content.extend_from_slice(&chunk);
        }
        String::from_utf8(content).map_err(|_| {
            let detail = format!("'{name}' must be UTF-8");
            ApiError::at(ErrorCode::InvalidValue, format!("/{name}"), detail)
        })
    }

    async fn file(&mut self, part: &mut Field, name: &str) -> Result<Upload, ApiError> {
        let told = part.content_type().map(|told| told.essence_str().to_owned());
        let mut receiving = Receiving::new(self.store.receive());
        let (mut waiting, mut size) = (Vec::new(), 0_u64);
        while let Some(chunk) = self.next(part).await? {
            let bytes = chunk.len() as u64;
            size = size.saturating_add(bytes);
            if size > self.bounds.max_file_bytes {
                let most = self.bounds.max_file_bytes;
                let detail = format!("a file may have at most {most} bytes");
                return Err(ApiError::at(ErrorCode::BodyTooLarge, "/files", detail));
            }
            let Some(left) = self.left_for_files.checked_sub(bytes) else {
                let most = self.bounds.max_files_bytes;
                let detail = format!("the files of a call may have at most {most} bytes together");
                return Err(ApiError::at(ErrorCode::BodyTooLarge, "/files", detail));
            };
            self.left_for_files = left;
            waiting.extend_from_slice(&chunk);
            if waiting.len() >= STORED_AT_ONCE {
                receiving = receiving.take(std::mem::take(&mut waiting)).await?;
            }
        }
        let receiving = receiving.take(waiting).await?;
        let name = harmless(name, self.form.files.len() + 1);
        Ok(receiving.finish(name, size, &told.unwrap_or_default()))
    }
}

/// A file while it arrives.
struct Receiving {
    content: Box<dyn Incoming>,
    digest: Sha256,
    head: Vec<u8>,
}

impl Receiving {
    fn new(content: Box<dyn Incoming>) -> Self {
        Self { content, digest: Sha256::new(), head: Vec::new() }
    }

    async fn take(mut self, part: Vec<u8>) -> Result<Self, ApiError> {
        run_blocking::<_, StoreError, _>(move || {
            self.digest.update(&part);
            let room = HEAD_BYTES.saturating_sub(self.head.len()).min(part.len());
            self.head.extend_from_slice(part.get(..room).unwrap_or_default());
            self.content.write(&part)?;
            Ok(self)
        })
        .await
    }

    fn finish(self, name: String, size: u64, told: &str) -> Upload {
        let is_whole = size == self.head.len() as u64;
        let media_type = judge(&self.head, is_whole, &name, told).to_owned();
        let digest = self.digest.finalize();
        let sha256 = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Upload { name, media_type, size, sha256, content: self.content }
    }
}

/// The name that a part gives its file, be it empty.
fn file_name(part: &Field) -> Option<String> {
    let disposition = part.content_disposition()?;
    let extended = disposition.get_filename_ext();
    let extended = extended.map(|name| String::from_utf8_lossy(&name.value).into_owned());
    extended.or_else(|| disposition.get_filename().map(str::to_owned))
}

/// A name that leads nowhere and shows as what it is: no directories, no control characters, nothing
/// that turns the direction of writing.
fn harmless(name: &str, number: usize) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let is_harmless = |c: &char| {
        !c.is_control()
            && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    let kept: String = last.chars().filter(is_harmless).collect();
    let kept = kept.trim().trim_start_matches('.');
    let kept = kept.get(..kept.floor_char_boundary(MAX_FILE_NAME_BYTES)).unwrap_or_default();
    if kept.is_empty() { format!("file-{number}") } else { kept.to_owned() }
}

fn too_many(detail: String) -> ApiError {
    ApiError::at(ErrorCode::InvalidValue, "/files", detail)
}

fn malformed() -> ApiError {
    ApiError::new(
        ErrorCode::MalformedMultipart,
        "the body is no multipart/form-data, or ended before it was complete",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_nowhere() {
        for (sent, kept) in [
            ("a.pdf", "a.pdf"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\x\\Größe.csv", "Größe.csv"),
            ("..", "file-3"),
            (".bashrc", "bashrc"),
            ("a\r\nb\0.pdf", "ab.pdf"),
            ("\u{202e}fdp.exe", "fdp.exe"),
            ("", "file-3"),
            ("dir/", "file-3"),
        ] {
            assert_eq!(harmless(sent, 3), kept, "{sent:?}");
        }
        assert_eq!(harmless(&"é".repeat(200), 1).len(), MAX_FILE_NAME_BYTES);
    }
}
