//! The text of documents, taken out by real children: what the kinds of files read as, and files that
//! mean harm. PDFs that mean harm are made here; the others were written by common programs.

use std::{fmt::Write as _, io::Write as _, time::Duration};

use flate2::{Compression, write::ZlibEncoder};
use tokio::time::Instant;
use workflow_runtime::{DocumentError, DocumentFormat, Sandbox, SandboxCommand, SandboxConfig};

const INVOICE: &[u8] = include_bytes!("../documents/invoice.pdf");
const ENCRYPTED: &[u8] = include_bytes!("../documents/encrypted.pdf");
const DAMAGED: &str = "the file is damaged, or written in a way that cannot be read";

fn config() -> SandboxConfig {
    let args = vec!["sandbox".into()];
    SandboxConfig::new(SandboxCommand { program: crate::KEYWRIGHT.into(), args }, 1)
}

async fn extracted(
    sandbox: &Sandbox,
    format: DocumentFormat,
    content: &[u8],
) -> Result<String, String> {
    let deadline = Instant::now() + Duration::from_secs(20);
    let text = sandbox.extract(format, content, deadline).await;
    text.map_err(|error| match error {
        DocumentError::Unavailable(error) => panic!("{error:?}"),
        error @ (DocumentError::TimedOut
        | DocumentError::Died
        | DocumentError::TooLarge { .. }
        | DocumentError::Refused(_)) => error.to_string(),
    })
}

/// A PDF of these objects, from number 1 on; the first is its catalogue.
fn pdf(objects: &[Vec<u8>]) -> Vec<u8> {
    let (mut file, mut places) = (b"%PDF-1.5\n".to_vec(), String::new());
    for (index, object) in objects.iter().enumerate() {
        writeln!(places, "{:010} 00000 n ", file.len()).unwrap();
        writeln!(file, "{} 0 obj", index + 1).unwrap();
        file.extend_from_slice(object);
        file.extend_from_slice(b"\nendobj\n");
    }
    let (begin, size) = (file.len(), objects.len() + 1);
    write!(file, "xref\n0 {size}\n0000000000 65535 f \n{places}").unwrap();
    write!(file, "trailer << /Size {size} /Root 1 0 R >>\nstartxref\n{begin}\n%%EOF\n").unwrap();
    file
}

/// A PDF of one page, whose content is `content` as often as said; it is packed once.
fn page_of(content: &[u8], times: usize) -> Vec<u8> {
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(content).unwrap();
    let packed = packed.finish().unwrap();
    let mut stream =
        format!("<< /Length {} /Filter /FlateDecode >>\nstream\n", packed.len()).into_bytes();
    stream.extend_from_slice(&packed);
    stream.extend_from_slice(b"\nendstream");
    let page = format!(
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] \
         /Resources << /Font << /F1 5 0 R >> >> /Contents [{}] >>",
        "4 0 R ".repeat(times)
    );
    pdf(&[
        b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_vec(),
        page.into_bytes(),
        stream,
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_vec(),
    ])
}

/// A PDF of some kilobytes that unpacks to 4 GiB.
pub(crate) fn bomb() -> Vec<u8> {
    let bomb = page_of(&vec![b' '; 1 << 20], 4096);
    assert!(bomb.len() < 64 << 10);
    bomb
}

#[tokio::test]
async fn each_kind_of_file_reads_as_its_text() {
    let sandbox = Sandbox::start(config()).unwrap();
    let text = extracted(&sandbox, DocumentFormat::Pdf, INVOICE).await.unwrap();
    let words: Vec<_> = text.split_whitespace().collect();
    let expected = "Invoice 4711 Größe: XL Total: 119.00 EUR Thank you.";
    assert_eq!(words.join(" "), expected);
    let pages: Vec<_> = text.split('\u{c}').map(str::trim).collect();
    assert_eq!((pages.len(), pages[1]), (2, "Thank you."));

    let page = "<html><head><title>t</title><script>no()</script></head>\
                <body><h1>Invoice&nbsp;1</h1><p>Größe: <b>XL</b></p></body></html>";
    let text = extracted(&sandbox, DocumentFormat::Html, page.as_bytes()).await.unwrap();
    assert!(text.contains("Größe: XL") && !text.contains("no()"), "{text}");
    let old =
        b"<meta http-equiv=\"Content-Type\" content=\"text/html; charset=iso-8859-1\">Gr\xf6\xdfe";
    let text = extracted(&sandbox, DocumentFormat::Html, old).await.unwrap();
    assert_eq!(text.trim(), "Größe");

    for plain in ["a,b\n1,\"é\n\"\n", "", "{\"a\": 1}"] {
        let text = extracted(&sandbox, DocumentFormat::Text, plain.as_bytes()).await;
        assert_eq!(text.as_deref(), Ok(plain));
    }
    let utf_16 = b"\xff\xfeG\0r\0\xf6\0";
    let text = extracted(&sandbox, DocumentFormat::Text, utf_16).await;
    assert_eq!(text.as_deref(), Ok("Grö"));
    let marked = "\u{feff}Grö".as_bytes();
    assert_eq!(extracted(&sandbox, DocumentFormat::Text, marked).await.as_deref(), Ok("Grö"));
}

#[tokio::test]
async fn a_file_that_cannot_be_read_says_why() {
    let sandbox = Sandbox::start(config()).unwrap();
    let no_text = "the file is no text: neither UTF-8, nor UTF-16 with a byte order mark";
    let locked = "the file is encrypted, and opens only with a password";
    let cases: [(DocumentFormat, &[u8], &str); 6] = [
        (DocumentFormat::Text, b"Gr\xf6\xdfe", no_text),
        (DocumentFormat::Text, b"a\0b", no_text),
        (DocumentFormat::Pdf, ENCRYPTED, locked),
        (DocumentFormat::Pdf, &INVOICE[..INVOICE.len() / 2], DAMAGED),
        (DocumentFormat::Pdf, b"%PDF-1.7", DAMAGED),
        (DocumentFormat::Pdf, b"", DAMAGED),
    ];
    for (format, content, why) in cases {
        let told = extracted(&sandbox, format, content).await;
        assert_eq!(told, Err(why.into()), "{}", String::from_utf8_lossy(content));
    }
}

#[tokio::test]
async fn a_file_that_means_harm_ends_at_its_bounds_and_the_next_is_read() {
    let sandbox = Sandbox::start(config()).unwrap();
    let told = extracted(&sandbox, DocumentFormat::Pdf, &bomb()).await;
    let died = "reading the file takes more memory or stack than it may";
    assert_eq!(told, Err(died.into()));
    assert!(extracted(&sandbox, DocumentFormat::Pdf, INVOICE).await.is_ok());

    // However its reader copes with it: within the time.
    let nested = "<div>".repeat(1 << 20);
    let (begun, within) = (Instant::now(), Duration::from_secs(1));
    let told = sandbox.extract(DocumentFormat::Html, nested.as_bytes(), begun + within).await;
    assert!(!matches!(told, Err(DocumentError::Unavailable(_))), "{told:?}");
    assert!(begun.elapsed() < within * 3);
    assert!(extracted(&sandbox, DocumentFormat::Pdf, INVOICE).await.is_ok());
}

#[tokio::test]
async fn a_document_and_its_text_have_bounds() {
    let sandbox = Sandbox::start(SandboxConfig {
        max_document_bytes: 4000,
        max_output_bytes: 100,
        ..config()
    })
    .unwrap();
    let told = extracted(&sandbox, DocumentFormat::Text, &[b'a'; 4001]).await;
    let large = "the file has more than 4000 bytes, the most that text is extracted from";
    assert_eq!(told, Err(large.into()));
    let words = page_of(b"BT /F1 12 Tf (Forty characters, which is quite a lot.) Tj ET ", 100);
    let large = "the text is larger than 100 bytes";
    for (format, content) in [(DocumentFormat::Text, vec![b'a'; 200]), (DocumentFormat::Pdf, words)]
    {
        let told = extracted(&sandbox, format, &content).await;
        assert_eq!(told, Err(large.into()), "{format:?}");
    }
    let late = sandbox.extract(DocumentFormat::Pdf, INVOICE, Instant::now()).await;
    assert!(matches!(late, Err(DocumentError::TimedOut)), "{late:?}");
}
