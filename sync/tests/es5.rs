//! The scripts that are written to an instance, parsed: instances run them in an engine that older releases keep at
//! ECMAScript 5.

#![allow(clippy::unwrap_used, reason = "in a test an unwrap is an assertion")]

use servicenow_core::set_up::wanted;
use servicenow_sync::bindings::provisioning::Settings;
use servicenow_sync::provisioning::set_up;
use std::path::Path;
use tree_sitter::{Node, Parser};

/// Set to a folder, it has the test write the scripts there, for core/set-up-check.
const WRITE: &str = "SET_UP_SCRIPTS";

/// What the grammar calls the parts of ECMAScript 5 that scripts use. Anything else, such as an arrow function, a template or
/// `let`, is of a later edition.
const ES5: &[&str] = &[
    "program",
    "comment",
    "var",
    "variable_declaration",
    "variable_declarator",
    "identifier",
    "property_identifier",
    "member_expression",
    "call_expression",
    "arguments",
    "new_expression",
    "expression_statement",
    "assignment_expression",
    "augmented_assignment_expression",
    "object",
    "pair",
    "array",
    "string",
    "string_fragment",
    "escape_sequence",
    "number",
    "true",
    "false",
    "null",
    "undefined",
    "this",
    "function",
    "function_expression",
    "function_declaration",
    "formal_parameters",
    "statement_block",
    "return_statement",
    "return",
    "if_statement",
    "if",
    "else_clause",
    "else",
    "for_statement",
    "break_statement",
    "break",
    "while_statement",
    "while",
    "for",
    "try_statement",
    "try",
    "catch_clause",
    "catch",
    "binary_expression",
    "unary_expression",
    "update_expression",
    "ternary_expression",
    "parenthesized_expression",
    "subscript_expression",
    "empty_statement",
    "new",
    "typeof",
    "while_statement",
    "while",
    "for_in_statement",
    "in",
    "break_statement",
];

/// Signs that later editions added.
const LATER_SIGNS: [&str; 8] = ["=>", "...", "`", "??", "?.", "**", "**=", "??="];

/// What is no ECMAScript 5 in a script, with its line.
fn later(script: &str) -> Vec<String> {
    let mut parser = Parser::new();
    parser.set_language(&tree_sitter_javascript::LANGUAGE.into()).unwrap();
    let tree = parser.parse(script, None).unwrap();
    let mut found = Vec::new();
    walk(tree.root_node(), &mut found);
    found
}

fn walk(node: Node<'_>, found: &mut Vec<String>) {
    let kind = node.kind();
    let is_sign = kind.bytes().all(|byte| byte.is_ascii_punctuation());
    let is_known = if is_sign { !LATER_SIGNS.contains(&kind) } else { ES5.contains(&kind) };
    if node.is_error() || node.is_missing() || !is_known {
        found.push(format!("{kind} in line {}", node.start_position().row + 1));
    }
    (0..node.child_count()).filter_map(|at| node.child(at)).for_each(|child| walk(child, found));
}

#[test]
fn every_script_of_a_set_up_is_ecmascript_5() {
    let settings = Settings {
        product: "Acme".into(),
        callback_url: "https://flows.example.com/".into(),
        tables: Vec::new(),
        condition: String::new(),
        columns: vec!["u_site".into(), "u_rack".into()],
        automatic: true,
        button: true,
        legacy: Vec::new(),
        any_url: false,
        any_port: false,
        mid_server: None,
        rule_name: None,
    };
    let all = wanted(&set_up(&settings));
    let scripts = all.iter().flat_map(|wanted| &wanted.columns).filter(|(column, _)| *column == "script");
    let scripts: Vec<_> = scripts.map(|(_, script)| script.as_str()).collect();
    assert_eq!(scripts.len(), 3);
    if let Some(folder) = std::env::var_os(WRITE) {
        for (name, script) in ["delivery.js", "rule.js", "button.js"].iter().zip(&scripts) {
            std::fs::write(Path::new(&folder).join(name), script).unwrap();
        }
    }
    for script in scripts {
        assert_eq!(later(script), Vec::<String>::new(), "{script}");
        assert!(!script.contains("__"), "a name was left to be filled in:\n{script}");
    }
}

#[test]
fn later_editions_are_told_apart() {
    for script in [
        "let a = 1;",
        "var f = () => 1;",
        "var a = `x`;",
        "class A {}",
        "f(...a);",
        "for (var a of b) {}",
        "var a = ;",
        "a ?? b;",
        "var {a} = b;",
        "x = a?.b;",
        "x **= 2;",
        "async function f() {}",
    ] {
        assert!(!later(script).is_empty(), "{script}");
    }
}
