//! The files of the page, in the program.

use http::HeaderValue;

/// A file, by its path on the server.
pub struct Asset {
    path: &'static str,
    /// Its media type.
    pub media_type: HeaderValue,
    /// Its text.
    pub text: &'static str,
}

const SCRIPT: HeaderValue = HeaderValue::from_static("text/javascript; charset=utf-8");

macro_rules! script {
    ($name:literal) => {
        Asset { path: concat!("/", $name), media_type: SCRIPT, text: include_str!(concat!("assets/", $name)) }
    };
}

static ALL: [Asset; 18] = [
    Asset {
        path: "/",
        media_type: HeaderValue::from_static("text/html; charset=utf-8"),
        text: include_str!("assets/index.html"),
    },
    Asset {
        path: "/style.css",
        media_type: HeaderValue::from_static("text/css; charset=utf-8"),
        text: include_str!("assets/style.css"),
    },
    script!("api.js"),
    script!("dom.js"),
    script!("drawing.js"),
    script!("editor.js"),
    script!("fields.js"),
    script!("form.js"),
    script!("happened-view.js"),
    script!("instance-view.js"),
    script!("main.js"),
    script!("node-view.js"),
    script!("receipt.js"),
    script!("rules-view.js"),
    script!("snippets.js"),
    script!("timeline.js"),
    script!("ways-view.js"),
    Asset {
        path: "/favicon.svg",
        media_type: HeaderValue::from_static("image/svg+xml"),
        text: include_str!("assets/favicon.svg"),
    },
];

/// What a browser lets the page do: its own files and this server, and nothing from elsewhere.
pub const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'",
);

/// The file at a path.
pub fn at(path: &str) -> Option<&'static Asset> {
    ALL.iter().find(|asset| asset.path == path)
}
