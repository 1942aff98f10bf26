//! The reference of the interface, made by wit-bindgen: what stands in `docs/interface` is what the WIT says.

use std::fs;
use std::path::{Path, PathBuf};
use wit_bindgen_core::Files;
use wit_bindgen_core::wit_parser::Resolve;

/// Set, it has the test write the pages anew instead of comparing them.
pub const WRITE: &str = "WRITE_REFERENCE";

/// The pages, each with its world and the folder that describes it. The worlds over `transport` have all that the others have.
const PAGES: [(&str, &str, &str); 3] = [
    ("plugin", "plugin-over-transport", "wit"),
    ("sync", "sync-over-transport", "wit"),
    ("activities", "activities", "adapters/obelisk/wit"),
];

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The page of a world, as Markdown.
fn page(world: &str, folder: &str) -> String {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(root().join(folder)).unwrap();
    let world = resolve.select_world(&[package], Some(world)).unwrap();
    let mut files = Files::default();
    wit_bindgen_markdown::Opts::default().build().generate(&mut resolve, world, &mut files).unwrap();
    let (_, bytes) = files.iter().find(|(name, _)| name.ends_with(".md")).unwrap();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let lines: Vec<_> = text.lines().map(str::trim_end).collect();
    format!(
        "<!-- Made from {folder}/. {WRITE}=1 cargo test -p host-test reference makes it anew. -->\n\n{}\n",
        lines.join("\n").trim()
    )
}

#[test]
fn the_reference_is_what_the_interface_says() {
    for (name, world, folder) in PAGES {
        let path = root().join("docs/interface").join(format!("{name}.md"));
        let page = page(world, folder);
        if std::env::var_os(WRITE).is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &page).unwrap();
        }
        let stands = fs::read_to_string(&path).unwrap_or_default();
        assert!(stands == page, "{} is out of date: {WRITE}=1 cargo test -p host-test reference", path.display());
    }
}
