//! Parses templates within bounds, and settles what each name in them means: a function where something follows it, and
//! otherwise a place in the event, whatever functions there are.

use super::functions::{CHECK, SHOW, Within, function};
use crate::patterns::compiled;
use handlebars::template::{HelperTemplate, Parameter, Subexpression, TemplateElement};
use handlebars::{Path, Template, TemplateErrorReason};
use serde_json::Value;
use std::collections::HashMap;

/// A template is written by people. A longer one would be parsed too deep for the guest's stack.
const MAX_TEMPLATE_BYTES: usize = 32 * 1024;

/// How many blocks a template may have, branches included: each may be inside the one before.
const MAX_BLOCKS: usize = 32;

/// How deep brackets may be inside each other within an expression.
const MAX_BRACKETS: usize = 8;

/// Functions whose second value is a pattern.
const PATTERNS: [&str; 2] = ["capture", "matches"];

/// Blocks of Handlebars itself.
const BLOCKS: [&str; 4] = ["if", "unless", "each", "with"];

/// Parses a template. The error says what is wrong and where.
pub fn compile(text: &str) -> Result<Template, String> {
    if text.len() > MAX_TEMPLATE_BYTES {
        return Err(format!("a template of at most {MAX_TEMPLATE_BYTES} bytes is expected"));
    }
    let (blocks, brackets) = nesting(text);
    if blocks > MAX_BLOCKS || brackets > MAX_BRACKETS {
        return Err(format!(
            "a template of at most {MAX_BLOCKS} blocks, and brackets {MAX_BRACKETS} deep, is expected"
        ));
    }
    let template = Template::compile(text).map_err(|error| {
        let reason = match error.reason() {
            TemplateErrorReason::InvalidSyntax(_) => {
                "each {{ is closed by }}, each block by its end, and values are parted by spaces: something here is not"
                    .to_string()
            }
            reason => reason.to_string(),
        };
        match error.pos() {
            Some((line, column)) => format!("{reason}, at line {line} column {column} of the template"),
            None => reason,
        }
    })?;
    settled(template)
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

/// The template with each expression made a call of a function, and what blocks are given looked at before.
fn settled(mut template: Template) -> Result<Template, String> {
    let elements = std::mem::take(&mut template.elements);
    let mut places = std::mem::take(&mut template.mapping).into_iter();
    for element in elements {
        // What follows an `else if` has none.
        let place = places.next();
        let at = |problem: String| match &place {
            Some(place) if !problem.contains(" at line ") => {
                format!("{problem}, at line {} column {} of the template", place.0, place.1)
            }
            _ => problem,
        };
        let element = match element {
            TemplateElement::Expression(helper) | TemplateElement::HtmlExpression(helper) => {
                TemplateElement::Expression(Box::new(shown(*helper).map_err(at)?))
            }
            TemplateElement::HelperBlock(helper) => {
                let (check, helper) = block(*helper).map_err(at)?;
                if let Some(check) = check {
                    template.elements.push(TemplateElement::Expression(Box::new(check)));
                    template.mapping.extend(place.clone());
                }
                TemplateElement::HelperBlock(Box::new(helper))
            }
            element @ (TemplateElement::RawString(_) | TemplateElement::Comment(_)) => element,
            _ => {
                return Err(at(
                    "expressions and blocks are expected; partials and decorators are not taken".to_string()
                ));
            }
        };
        template.elements.push(element);
        template.mapping.extend(place);
    }
    Ok(template)
}

/// An expression: what it shows is looked at before it is written.
fn shown(mut helper: HelperTemplate) -> Result<HelperTemplate, String> {
    let (name, params) = (helper.name.clone(), std::mem::take(&mut helper.params));
    let hash = std::mem::take(&mut helper.hash);
    let value = if params.is_empty() && hash.is_empty() {
        named(name)?
    } else {
        Parameter::Subexpression(call(name, params, hash, Within::Anything)?)
    };
    helper.name = Parameter::Name(SHOW.to_string());
    helper.params = vec![value];
    Ok(helper)
}

/// A name by itself: a place in the event, or a text or number written out.
fn named(name: Parameter) -> Result<Parameter, String> {
    match name {
        Parameter::Name(name) => Parameter::parse(&name).map_err(|error| error.reason().to_string()),
        Parameter::Subexpression(inner) => Ok(Parameter::Subexpression(checked(inner, Within::Anything)?)),
        other => Ok(other),
    }
}

fn call(
    name: Parameter,
    params: Vec<Parameter>,
    hash: HashMap<String, Parameter>,
    within: Within,
) -> Result<Subexpression, String> {
    let called = written(&name).ok_or("the name of a function is expected before what it is given")?;
    let found = function(&called).ok_or_else(|| {
        format!("there is no function {called}; docs/sync/functions.md lists those that there are, and an item of a list is written {called}.[0]")
    })?;
    found.check(params.len(), hash.keys())?;
    check_pattern(&called, &params)?;
    check_default(&called, &params)?;
    let inside = within.of(found);
    let parameter = |value| parameter(value, inside);
    let params = params.into_iter().map(parameter).collect::<Result<_, _>>()?;
    let hash = hash.into_iter().map(|(name, value)| Ok((name, parameter(value)?))).collect::<Result<_, String>>()?;
    Ok(Subexpression::new(Parameter::Name(within.call(&called)), params, hash))
}

/// A pattern that is written out is looked at before there is an event.
fn check_pattern(called: &str, params: &[Parameter]) -> Result<(), String> {
    match params.get(1) {
        Some(Parameter::Literal(Value::String(pattern))) if PATTERNS.contains(&called) => {
            compiled(pattern).map(drop).map_err(|error| format!("{called}: {error}"))
        }
        _ => Ok(()),
    }
}

/// A text that is written out is always there: nothing after it would ever be taken.
fn check_default(called: &str, params: &[Parameter]) -> Result<(), String> {
    let before_last = params.split_last().map_or(&[][..], |(_, before)| before);
    let is_written =
        |param: &&Parameter| matches!(param, Parameter::Literal(Value::String(text)) if !text.trim().is_empty());
    match before_last.iter().find(is_written) {
        Some(_) if called == "default" => {
            Err("default takes the first value that is there, so that a text stands last".to_string())
        }
        _ => Ok(()),
    }
}

/// A name as it is written.
fn written(name: &Parameter) -> Option<String> {
    match name {
        Parameter::Name(name) => Some(name.clone()),
        Parameter::Path(Path::Relative((_, raw)) | Path::Local((.., raw))) => Some(raw.clone()),
        _ => None,
    }
}

fn parameter(parameter: Parameter, within: Within) -> Result<Parameter, String> {
    match parameter {
        Parameter::Subexpression(inner) => Ok(Parameter::Subexpression(checked(inner, within)?)),
        other => Ok(other),
    }
}

/// An expression in round brackets: always a call.
fn checked(inner: Subexpression, within: Within) -> Result<Subexpression, String> {
    match *inner.element {
        TemplateElement::Expression(helper) => call(helper.name, helper.params, helper.hash, within),
        _ => Err("a function and what it is given are expected in round brackets".to_string()),
    }
}

/// A block, with its branches settled, and the look at what it is given.
fn block(mut helper: HelperTemplate) -> Result<(Option<HelperTemplate>, HelperTemplate), String> {
    let name = written(&helper.name).ok_or("a block with a name is expected")?;
    let mut within = if name == "if" || name == "unless" { Within::Condition } else { Within::Anything };
    if BLOCKS.contains(&name.as_str()) {
        if helper.params.len() != 1 {
            return Err(format!("one value is expected after #{name}"));
        }
    } else {
        let expected = format!(
            "there is no block #{name}; #if, #unless, #each and #with are expected, such as {{{{#each {name}}}}}"
        );
        let found = function(&name).filter(|function| function.is_condition).ok_or(expected)?;
        within = Within::Anything.of(found);
        found.check(helper.params.len(), helper.hash.keys())?;
    }
    let params = std::mem::take(&mut helper.params).into_iter();
    helper.params = params.map(|value| parameter(value, within)).collect::<Result<_, _>>()?;
    let check = helper.params.first().filter(|_| BLOCKS.contains(&name.as_str())).map(|given| {
        let mut check = helper.clone();
        (check.template, check.inverse, check.block_param, check.block) = (None, None, None, false);
        check.hash.clear();
        let is_optional = name == "if" || name == "unless" || helper.inverse.is_some();
        check.params = vec![given.clone(), Parameter::Literal(Value::Bool(is_optional))];
        check.name = Parameter::Name(CHECK.to_string());
        check
    });
    helper.template = helper.template.map(settled).transpose()?;
    helper.inverse = helper.inverse.map(settled).transpose()?;
    Ok((check, helper))
}
