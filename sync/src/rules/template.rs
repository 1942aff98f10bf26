//! Templates: Handlebars expressions in texts, and the places of an event they name.

use handlebars::{
    Context, Handlebars, Helper, HelperResult, Output, RenderContext, RenderErrorReason, Template, no_escape,
    template::TemplateElement,
};
use serde_json::Value;
use std::io::{self, Write};

/// A template is written by people. A longer one would be parsed too deep for the guest's stack.
const MAX_TEMPLATE_BYTES: usize = 32 * 1024;

/// How many blocks a template may have, branches included: each may be inside the one before.
const MAX_BLOCKS: usize = 32;

/// How deep brackets may be inside each other within an expression.
const MAX_BRACKETS: usize = 8;

/// How much one text may come to: 10 MB is ServiceNow's limit for the whole body.
const MAX_TEXT_BYTES: usize = 8 * 1024 * 1024;

/// What a place must be.
pub const EXPECTED_PATH: &str = "a place in the event such as data.access_groups.[0].id";

/// The engine that renders texts over one event.
pub struct Templates {
    engine: Handlebars<'static>,
    context: Context,
}

impl Templates {
    /// Renders over this event. With `strict`, a place that it lacks is an error.
    pub fn new(event: &Value, strict: bool) -> Self {
        let mut engine = Handlebars::new();
        engine.set_strict_mode(strict);
        engine.register_escape_fn(no_escape);
        engine.register_helper("json", Box::new(as_json));
        // What is no object or list is no event; that is checked before.
        let context = Context::wraps(event).unwrap_or_else(|_| Context::null());
        Self { engine, context }
    }

    /// Renders one text. The error says what is wrong and where.
    pub fn render(&self, text: &str) -> Result<String, String> {
        if !has_expressions(text) {
            return Ok(text.to_string());
        }
        let template = compile(text)?;
        let mut rendered = Bounded(Vec::new());
        let name = "";
        let mut engine = self.engine.clone();
        engine.register_template(name, template);
        engine.render_with_context_to_write(name, &self.context, &mut rendered).map_err(|error| {
            let place = match (error.line_no, error.column_no) {
                (Some(line), Some(column)) => format!(" at line {line} column {column} of the template"),
                _ => String::new(),
            };
            match error.reason() {
                RenderErrorReason::MissingVariable(Some(path)) => format!("the event has no {path}, named{place}"),
                RenderErrorReason::IOError(_) => format!("the text comes to more than {MAX_TEXT_BYTES} bytes"),
                reason => format!("{reason}{place}"),
            }
        })?;
        String::from_utf8(rendered.0).map_err(|error| error.to_string())
    }
}

/// Whether a text is to be rendered at all.
pub fn has_expressions(text: &str) -> bool {
    text.contains("{{")
}

/// Parses a template, and refuses what can include itself.
fn compile(text: &str) -> Result<Template, String> {
    if text.len() > MAX_TEMPLATE_BYTES {
        return Err(format!("a template of at most {MAX_TEMPLATE_BYTES} bytes is expected"));
    }
    let (blocks, brackets) = nesting(text);
    if blocks > MAX_BLOCKS || brackets > MAX_BRACKETS {
        return Err(format!(
            "a template of at most {MAX_BLOCKS} blocks, and brackets {MAX_BRACKETS} deep, is expected"
        ));
    }
    let template = Template::compile(text).map_err(|error| match error.pos() {
        Some((line, column)) => format!("{} at line {line} column {column} of the template", error.reason()),
        None => error.reason().to_string(),
    })?;
    if includes(&template) {
        return Err("expressions and blocks are expected; partials and decorators are not taken".to_string());
    }
    Ok(template)
}

/// How many blocks and branches a template opens, and how deep brackets are inside its expressions.
fn nesting(text: &str) -> (usize, usize) {
    let (mut blocks, mut deepest) = (0, 0);
    for expression in text.split("{{").skip(1) {
        let inside = expression.trim_start_matches(|c: char| c.is_whitespace() || c == '{' || c == '~');
        let opens = inside.starts_with(['#', '^']) || inside.starts_with("else");
        blocks += usize::from(opens);
        let mut depth = 0_usize;
        // Up to the next expression: where this one ends, a text in quotes may hide.
        for byte in expression.bytes() {
            match byte {
                b'(' | b'[' | b'{' => depth += 1,
                b')' | b']' | b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            deepest = deepest.max(depth);
        }
    }
    (blocks, deepest)
}

fn includes(template: &Template) -> bool {
    template.elements.iter().any(|element| match element {
        TemplateElement::HelperBlock(helper) => [&helper.template, &helper.inverse].into_iter().flatten().any(includes),
        TemplateElement::DecoratorExpression(_)
        | TemplateElement::DecoratorBlock(_)
        | TemplateElement::PartialExpression(_)
        | TemplateElement::PartialBlock(_) => true,
        _ => false,
    })
}

/// `{{json data.tags}}`: a value as JSON text.
fn as_json(
    helper: &Helper<'_>,
    engine: &Handlebars<'_>,
    _: &Context,
    _: &mut RenderContext<'_, '_>,
    out: &mut dyn Output,
) -> HelperResult {
    let value = helper.param(0).ok_or(RenderErrorReason::ParamNotFoundForIndex("json", 0))?;
    if engine.strict_mode() && value.is_value_missing() {
        return Err(RenderErrorReason::MissingVariable(value.relative_path().cloned()).into());
    }
    out.write(&value.value().to_string())?;
    Ok(())
}

struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_TEXT_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The steps of a place: parted by dots, or in brackets, in which a dot is a dot. `None` where it is none.
fn steps(path: &str) -> Option<Vec<&str>> {
    let (mut steps, mut rest) = (Vec::new(), path);
    loop {
        let (step, after) = match rest.strip_prefix('[') {
            Some(inside) => inside.split_once(']')?,
            None => rest.split_at(rest.find('.').unwrap_or(rest.len())),
        };
        let is_bare = !rest.starts_with('[');
        if step.is_empty() || is_bare && step.contains(|c: char| c.is_whitespace() || c == '[' || c == ']') {
            return None;
        }
        steps.push(step);
        rest = match after.strip_prefix('.') {
            Some(rest) => rest,
            None if after.is_empty() => return Some(steps),
            None => return None,
        };
    }
}

/// Whether a text is a place.
pub fn is_path(path: &str) -> bool {
    steps(path).is_some()
}

/// A member's name as a step: in brackets where it could not stand without.
pub fn step(name: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    if !name.is_empty() && name.chars().all(is_plain) { name.to_string() } else { format!("[{name}]") }
}

/// What stands at a place.
pub fn at<'v>(event: &'v Value, path: &str) -> Option<&'v Value> {
    steps(path)?.into_iter().try_fold(event, |value, step| match value {
        Value::Object(members) => members.get(step),
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        _ => None,
    })
}

/// A value as text, as a template renders it. Objects and lists are no text.
pub fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null => Some(String::new()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rendered(text: &str) -> Result<String, String> {
        let event = json!({"id": 7, "on": true, "quote": "a\"b<&'", "list": [{"id": "x"}], "none": null,
            "template": "{{id}}", "deep": {"a": {"b": "c"}}, "control": "a\u{1}b\nc"});
        Templates::new(&event, true).render(text)
    }

    #[test]
    fn places_are_rendered_and_nothing_of_a_value_is_changed_or_rendered_again() {
        for (text, expected) in [
            ("plain", "plain"),
            ("{{ id }}", "7"),
            ("{{on}} {{none}}", "true "),
            ("{{ list.[0].id }}", "x"),
            ("{{ deep.a.b }}", "c"),
            ("{{ quote }}", "a\"b<&'"),
            ("{{{ quote }}}", "a\"b<&'"),
            ("{{ template }}", "{{id}}"),
            ("{{ control }}", "a\u{1}b\nc"),
            ("{{json quote}}", r#""a\"b<&'""#),
            ("{{json list}}", r#"[{"id":"x"}]"#),
            ("{{#if on}}yes{{else}}no{{/if}}", "yes"),
            ("{{#each list}}{{id}},{{/each}}", "x,"),
            ("a } b", "a } b"),
        ] {
            assert_eq!(rendered(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_rendered_is_told_with_its_place() {
        let deep = "{{#if on}}".repeat(40) + &"{{/if}}".repeat(40);
        let tabs = "{{\t\n#if on}}".repeat(1_500) + &"{{/if}}".repeat(1_500);
        let branches = format!("{{{{#if on}}}}{}{{{{/if}}}}", "{{else if on}}".repeat(800));
        let lists = format!("{{{{json {}{}}}}}", "[".repeat(14_000), "]".repeat(14_000));
        let brackets = format!("{{{{json {}id{}}}}}", "(".repeat(500), ")".repeat(500));
        for (text, part) in [
            ("x {{ nothing }}", "the event has no nothing, named at line 1 column 3"),
            ("{{json nothing.at.all}}", "the event has no nothing.at.all"),
            ("{{ id", "line 1"),
            ("{{#if on}}", "line 1"),
            ("{{> other}}", "partials"),
            ("{{#*inline \"a\"}}{{> a}}{{/inline}}{{> a}}", "partials"),
            ("{{#if on}}{{> a}}{{/if}}", "partials"),
            ("{{unknown id}}", "unknown"),
            (&deep, "blocks"),
            (&format!("{{{{json \"}}}}\" {}}}}}", "[".repeat(9_000)), "brackets"),
            (&tabs, "blocks"),
            (&branches, "blocks"),
            (&lists, "brackets"),
            (&brackets, "brackets"),
            (&format!("{{{{id}}}}{}", "x".repeat(MAX_TEMPLATE_BYTES)), "bytes"),
        ] {
            let error = rendered(text).unwrap_err();
            assert!(error.contains(part), "{}: {error}", &text[..text.len().min(60)]);
        }
    }

    #[test]
    fn a_text_that_grows_without_bounds_is_cut_off() {
        let list = json!({"list": vec![json!("x".repeat(10_000)); 100]});
        let twice = "{{#each list}}{{#each ../list}}{{this}}{{/each}}{{/each}}";
        assert!(Templates::new(&list, false).render(twice).unwrap_err().contains("more than"));
    }

    #[test]
    fn a_place_is_found_with_and_without_brackets() {
        let event = json!({"a": [{"b c": 1, "d": {"e": null}}], "labels": {"app.kubernetes.io/name": "x"}});
        assert!(at(&event, "labels.[app.kubernetes.io/name]").is_some() && at(&event, "a.[0].[b c]").is_some());
        for bad in ["", ".", "a.", ".a", "a..b", "a[0]", "a.[", "a.[]", "a b"] {
            assert!(!is_path(bad), "{bad:?}");
        }
        for (path, found) in [("a.[0].d.e", true), ("a.0.d", true), ("a.[1]", false), ("a.x", false), ("b", false)] {
            assert_eq!(at(&event, path).is_some(), found, "{path}");
        }
    }
}
