//! Takes the text out of documents. Only ever inside a child: what reads a PDF may be led to unpack a
//! few kilobytes into gigabytes, to recurse, or to panic.

use std::{cell::RefCell, fmt, rc::Rc};

use encoding_rs::{Encoding, UTF_8};
use pdf_extract::{
    ConvertToFmt, Document, MediaBox, OutputDev, OutputError, PlainTextOutput, Transform,
    output_doc,
};
use serde::Deserialize;

use super::{
    protocol::{Announced, DocumentFormat},
    reply::{self, Unwritable},
};

/// What a document is that its reader cannot cope with.
pub(super) const DAMAGED: &str = "the file is damaged, or written in a way that cannot be read";

const NO_TEXT: &str = "the file is no text: neither UTF-8, nor UTF-16 with a byte order mark";

/// Where pages are told apart, as `pdftotext` does it.
const END_OF_PAGE: char = '\u{c}';

/// Lines of a page are not broken before so many characters.
const HTML_WIDTH: usize = 10_000;

/// Where a page tells its encoding (HTML, 13.2.3.2).
const HTML_HEAD_BYTES: usize = 1_024;

/// The document that a request announces, if it does.
pub(super) fn announced(request: &[u8]) -> Option<Announced> {
    #[derive(Deserialize)]
    struct Asked {
        extract: Announced,
    }
    if !request.starts_with(b"{\"extract\"") {
        return None;
    }
    let line = request.split(|byte| *byte == b'\n').next()?;
    serde_json::from_slice::<Asked>(line).ok().map(|asked| asked.extract)
}

/// The reply to a request with the document behind it; `None` when the document is not all there.
pub(super) fn carry_out(announced: Announced, request: &[u8], limit: usize) -> Option<Vec<u8>> {
    let end_of_line = request.iter().position(|byte| *byte == b'\n')?;
    let content = request.get(end_of_line + 1..)?;
    if u64::try_from(content.len()).ok()? != announced.bytes {
        return None;
    }
    let text = match announced.format {
        DocumentFormat::Text => decoded(content, None),
        DocumentFormat::Html => of_html(content),
        DocumentFormat::Pdf => of_pdf(content, limit),
    };
    let reply =
        text.and_then(|text| reply::text(text, limit).map_err(|unwritable| unwritable.to_string()));
    Some(reply.unwrap_or_else(|why| reply::error(&why)))
}

/// The characters of a text. A byte order mark says more than a document that tells its encoding.
fn decoded(content: &[u8], told: Option<&'static Encoding>) -> Result<String, String> {
    let (encoding, mark) = match Encoding::for_bom(content) {
        Some(found) => found,
        None => (told.unwrap_or(UTF_8), 0),
    };
    let content = content.get(mark..).unwrap_or_default();
    let text = encoding.decode_without_bom_handling_and_without_replacement(content);
    match text {
        Some(text) if !text.contains('\0') => Ok(text.into_owned()),
        _ => Err(NO_TEXT.into()),
    }
}

fn of_html(content: &[u8]) -> Result<String, String> {
    let head = content.get(..content.len().min(HTML_HEAD_BYTES)).unwrap_or_default();
    let page = decoded(content, told_encoding(head))?;
    html2text::config::plain_no_decorate()
        .string_from_read(page.as_bytes(), HTML_WIDTH)
        .map_err(|_| DAMAGED.into())
}

/// The encoding that the head of a page tells, by `<meta charset="…">` or the longer form of it.
fn told_encoding(head: &[u8]) -> Option<&'static Encoding> {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let (_, rest) = head.split_once("charset=")?;
    let rest = rest.trim_start_matches(['"', '\'']);
    let label = rest.split(|c: char| c != '-' && c != '_' && !c.is_ascii_alphanumeric()).next()?;
    Encoding::for_label(label.as_bytes())
}

fn of_pdf(content: &[u8], limit: usize) -> Result<String, String> {
    let mut document = Document::load_mem(content).map_err(|_| DAMAGED)?;
    // Most encrypted files open with an empty password: what they restrict is printing.
    if document.is_encrypted() && document.decrypt("").is_err() {
        return Err("the file is encrypted, and opens only with a password".into());
    }
    let text = Text(Rc::new(RefCell::new(Written { text: String::new(), limit })));
    let mut pages = Pages { plain: PlainTextOutput::new(text.clone()), text: text.clone() };
    let written = output_doc(&document, &mut pages);
    drop(pages);
    let Written { text, .. } = text.0.replace(Written { text: String::new(), limit: 0 });
    match written {
        Ok(()) => Ok(text),
        Err(_) if text.len() >= limit => Err(Unwritable::LargeText(limit).to_string()),
        Err(_) => Err(DAMAGED.into()),
    }
}

/// The text of a PDF so far, shared by whoever writes the words and whoever ends the pages.
#[derive(Clone)]
struct Text(Rc<RefCell<Written>>);

struct Written {
    text: String,
    limit: usize,
}

impl fmt::Write for Text {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let mut written = self.0.borrow_mut();
        written.text.push_str(part);
        if written.text.len() >= written.limit { Err(fmt::Error) } else { Ok(()) }
    }
}

impl ConvertToFmt for Text {
    type Writer = Self;

    fn convert(self) -> Self {
        self
    }
}

/// Plain text, with an end to each page.
struct Pages {
    plain: PlainTextOutput<Text>,
    text: Text,
}

impl OutputDev for Pages {
    fn begin_page(
        &mut self,
        page: u32,
        media: &MediaBox,
        art: Option<(f64, f64, f64, f64)>,
    ) -> Result<(), OutputError> {
        if page > 1 {
            fmt::Write::write_char(&mut self.text, END_OF_PAGE)?;
        }
        self.plain.begin_page(page, media, art)
    }

    fn end_page(&mut self) -> Result<(), OutputError> {
        self.plain.end_page()
    }

    fn output_character(
        &mut self,
        place: &Transform,
        width: f64,
        spacing: f64,
        size: f64,
        character: &str,
    ) -> Result<(), OutputError> {
        self.plain.output_character(place, width, spacing, size, character)
    }

    fn begin_word(&mut self) -> Result<(), OutputError> {
        self.plain.begin_word()
    }

    fn end_word(&mut self) -> Result<(), OutputError> {
        self.plain.end_word()
    }

    fn end_line(&mut self) -> Result<(), OutputError> {
        self.plain.end_line()
    }
}
