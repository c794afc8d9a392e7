//! The style sheet, the script and the icon, compiled in. Each stands at an address that its content decides, so that a browser
//! keeps it for good and a new release is seen at once.

use std::sync::LazyLock;

use actix_web::{HttpResponse, http::header};
use sha2::{Digest as _, Sha256};

struct Asset {
    /// The last segment of its address.
    name: String,
    path: String,
    media_type: &'static str,
    content: &'static str,
}

impl Asset {
    fn new(stem: &str, ending: &str, media_type: &'static str, content: &'static str) -> Self {
        let hash = Sha256::digest(content);
        let hash: String = hash.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        let name = format!("{stem}.{hash}.{ending}");
        Self { path: format!("/assets/{name}"), name, media_type, content }
    }
}

static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    let content = include_str!("../assets/console.css");
    Asset::new("console", "css", "text/css; charset=utf-8", content)
});
static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    let content = include_str!("../assets/console.js");
    Asset::new("console", "js", "text/javascript; charset=utf-8", content)
});
static ICON: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("favicon", "svg", "image/svg+xml", include_str!("../assets/favicon.svg"))
});

/// Where the style sheet is.
pub(crate) fn css() -> &'static str {
    &STYLE.path
}

/// Where the script is.
pub(crate) fn js() -> &'static str {
    &SCRIPT.path
}

/// Where the icon is.
pub(crate) fn icon() -> &'static str {
    &ICON.path
}

/// The asset of `name`, the last segment of its address; nothing where there is none.
pub(crate) fn answer(name: &str) -> Option<HttpResponse> {
    let asset = [&STYLE, &SCRIPT, &ICON].into_iter().find(|asset| asset.name == name)?;
    let answer = HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .content_type(asset.media_type)
        .body(asset.content);
    Some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_asset_is_found_at_its_own_address_alone() {
        for path in [css(), js(), icon()] {
            let name = path.strip_prefix("/assets/").unwrap();
            let found = answer(name).unwrap();
            assert!(
                found
                    .headers()
                    .get(header::CACHE_CONTROL)
                    .is_some_and(|value| { value == "public, max-age=31536000, immutable" })
            );
        }
        for name in ["console.css", "console.000000000000.css", "", "../src/lib.rs"] {
            assert!(answer(name).is_none(), "{name}");
        }
    }

    #[test]
    fn nothing_in_the_assets_names_another_host() {
        for asset in [&STYLE, &SCRIPT, &ICON] {
            let elsewhere = asset.content.replace("http://www.w3.org/2000/svg", "");
            assert!(!elsewhere.contains("//cdn") && !elsewhere.contains("http"), "{}", asset.name);
        }
    }
}
