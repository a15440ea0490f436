//! Reads `texts/*.ftl` ahead, so that a program has the texts and not what it takes to understand their format: that is
//! most of what a page would have to load for them.

use std::error::Error;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

use fluent_syntax::ast::{Entry, Expression, InlineExpression, Pattern, PatternElement, Variant, VariantKey};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    println!("cargo::rerun-if-changed=texts");
    let mut code = String::new();
    for language in ["en", "ru"] {
        let file = PathBuf::from(format!("texts/{language}.ftl"));
        let messages = messages(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        writeln!(code, "static {}: &[(&str, Pattern)] = &[", language.to_uppercase())?;
        for (name, pattern) in messages {
            writeln!(code, "({name:?}, {pattern}),")?;
        }
        writeln!(code, "];")?;
    }
    let out = env::var_os("OUT_DIR").ok_or("cargo names no folder to write to")?;
    fs::write(Path::new(&out).join("texts.rs"), code)?;
    Ok(())
}

/// The texts of a file, each as a value of `Pattern`, sorted by their names.
fn messages(file: &Path) -> Result<Vec<(String, String)>> {
    let source = fs::read_to_string(file)?;
    let parsed = fluent_syntax::parser::parse(source.as_str()).map_err(|(_, problems)| format!("{problems:?}"))?;
    let mut messages = Vec::new();
    for entry in parsed.body {
        match entry {
            Entry::Message(message) => {
                let name = message.id.name.to_owned();
                let value = message.value.as_ref().ok_or_else(|| format!("{name} has no text"))?;
                let value = pattern(value).map_err(|error| format!("{name}: {error}"))?;
                messages.push((name, value));
            }
            Entry::Comment(_) | Entry::GroupComment(_) | Entry::ResourceComment(_) => {}
            Entry::Term(_) | Entry::Junk { .. } => return Err(format!("this is no text: {entry:?}").into()),
        }
    }
    messages.sort();
    Ok(messages)
}

fn pattern(pattern: &Pattern<&str>) -> Result<String> {
    let mut parts = String::new();
    for element in &pattern.elements {
        match element {
            PatternElement::TextElement { value } => write!(parts, "Part::Words({value:?}),")?,
            PatternElement::Placeable { expression: Expression::Inline(inline) } => {
                write!(parts, "Part::Variable({:?}),", variable(inline)?)?;
            }
            PatternElement::Placeable { expression: Expression::Select { selector, variants } } => {
                write!(parts, "Part::Choice({:?}, {}),", variable(selector)?, choices(variants)?)?;
            }
        }
    }
    Ok(format!("&[{parts}]"))
}

fn choices(variants: &[Variant<&str>]) -> Result<String> {
    let mut choices = String::new();
    for variant in variants {
        let key = match (&variant.key, variant.default) {
            (_, true) => "Key::Else".to_owned(),
            (VariantKey::NumberLiteral { value }, _) => format!("Key::Number({})", value.parse::<u64>()?),
            (VariantKey::Identifier { name: "one" }, _) => "Key::Plural(Plural::One)".to_owned(),
            (VariantKey::Identifier { name: "few" }, _) => "Key::Plural(Plural::Few)".to_owned(),
            (VariantKey::Identifier { name }, _) => return Err(format!("a choice by `{name}`").into()),
        };
        write!(choices, "({key}, {}),", pattern(&variant.value)?)?;
    }
    // What is chosen where nothing fits is looked at last.
    match variants.last() {
        Some(last) if last.default => Ok(format!("&[{choices}]")),
        _ => Err("the default of a choice has to be its last".into()),
    }
}

fn variable<'a>(expression: &InlineExpression<&'a str>) -> Result<&'a str> {
    match expression {
        InlineExpression::VariableReference { id } => Ok(id.name),
        other => Err(format!("neither text nor variable: {other:?}").into()),
    }
}
