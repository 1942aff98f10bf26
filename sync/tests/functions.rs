//! The page of functions says what they do.

#![allow(clippy::unwrap_used, reason = "in a test an unwrap is an assertion")]

use serde_json::Value;
use servicenow_sync::template::{Mode, Templates};

const PAGE: &str = include_str!("../../docs/sync/functions.md");

/// The names that `worst` knows: those of rules without a map of their own.
const SEVERITIES: [&str; 3] = ["Critical", "Warning", "Info"];

/// The tables below a heading: the cells of each row, as they are written.
fn rows(heading: &str) -> Vec<Vec<String>> {
    let start = PAGE.find(&format!("\n## {heading}\n")).unwrap() + 1;
    let section = PAGE[start..].split("\n## ").next().unwrap();
    let lines = section.lines().filter(|line| line.starts_with("| `"));
    let cells = |line: &str| {
        let line = line.replace("\\|", "\u{1}");
        line.trim_matches('|').split('|').map(|cell| cell.trim().replace('\u{1}', "|")).collect()
    };
    lines.map(cells).collect()
}

fn code(cell: &str) -> Option<&str> {
    cell.strip_prefix('`')?.strip_suffix('`')
}

fn templates() -> Templates {
    let event = PAGE.split("```json event.json\n").nth(1).unwrap().split("\n```").next().unwrap();
    let event: Value = serde_json::from_str(event).unwrap();
    Templates::new(&event, SEVERITIES.map(str::to_string).to_vec())
}

#[test]
fn each_example_gives_what_the_page_says() {
    let templates = templates();
    let mut run = 0;
    for heading in ["Places", "Blocks", "Texts", "Lists", "Yes and no", "Values"] {
        for row in rows(heading) {
            let rendered = templates.render(code(&row[0]).unwrap(), Mode::Lenient);
            assert_eq!(rendered.as_ref().map(|rendered| rendered.text.as_str()), Ok(code(&row[1]).unwrap()), "{row:?}");
            assert!(
                rendered.unwrap().remarks.is_empty() || row[0].contains("empty") || row[0].contains("squad"),
                "{row:?}"
            );
            run += 1;
        }
    }
    assert!(run > 40, "{run} examples");
}

#[test]
fn each_refusal_gives_the_reason_that_the_page_says() {
    let templates = templates();
    for row in rows("What is refused") {
        let template = code(&row[0]).unwrap();
        let (lenient, strict) = (templates.render(template, Mode::Lenient), templates.render(template, Mode::Strict));
        match row[1].strip_prefix("lenient: ") {
            Some(reason) => {
                let rendered = lenient.unwrap();
                assert!(rendered.text.is_empty() && rendered.remarks.len() == 1, "{template}: {rendered:?}");
                assert!(rendered.remarks[0].contains(reason) && strict.unwrap_err().contains(reason), "{template}");
            }
            None => {
                let reasons = [lenient.unwrap_err(), strict.unwrap_err()];
                assert!(reasons.iter().all(|given| given.contains(&row[1])), "{template}: {reasons:?}");
            }
        }
    }
}

#[test]
fn each_key_is_made_or_refused_as_the_page_says() {
    let templates = templates();
    for row in rows("Keys") {
        let rendered = templates.render(code(&row[0]).unwrap(), Mode::Key).map(|rendered| rendered.text);
        match row[1].strip_prefix("refused: ") {
            Some(reason) => {
                assert!(rendered.as_ref().is_err_and(|given| given.contains(reason)), "{row:?}: {rendered:?}")
            }
            None => assert_eq!(rendered.as_deref(), Ok(code(&row[1]).unwrap()), "{row:?}"),
        }
    }
}

#[test]
fn the_page_has_every_function() {
    for name in servicenow_sync::template::function_names() {
        assert!(PAGE.contains(&format!("{{{{ {name} ")) || PAGE.contains(&format!("({name} ")), "{name}");
    }
}
