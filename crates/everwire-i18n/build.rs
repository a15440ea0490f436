//! Reads `texts/*.ftl` ahead, so that a program has the texts and not what it takes to understand their format: that is
//! most of what a page would have to load for them.

use std::error::Error;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

use fluent_syntax::ast::{Entry, Expression, InlineExpression, Pattern, PatternElement, Variant, VariantKey};

#[allow(dead_code)]
#[path = "src/format.rs"]
mod format;

use format::{CHOICE, END, END_OF_CHOICE, FEW, LONE_CHOICE, LONE_VARIABLE, ONE, THEN, VARIABLE};

/// Of the list of texts, their names and those of their variables.
macro_rules! texts {
    ($($(#[$attribute:meta])* $variant:ident = $name:literal $({ $($variable:ident: $type:ty),+ })?,)+) => {
        #[allow(unused_doc_comments)]
        const TEXTS: &[(&str, &[&str])] =
            &[$($(#[$attribute])* ($name, &[$($(stringify!($variable)),+)?]),)+];
    };
}

include!("src/list.rs");

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    println!("cargo::rerun-if-changed=texts");
    println!("cargo::rerun-if-changed=src/list.rs");
    println!("cargo::rerun-if-changed=src/format.rs");
    let mut code = String::new();
    for language in ["en", "ru"] {
        let file = PathBuf::from(format!("texts/{language}.ftl"));
        let texts = texts(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        writeln!(code, "const {}: &str = {texts:?};", language.to_uppercase())?;
    }
    let out = env::var_os("OUT_DIR").ok_or("cargo names no folder to write to")?;
    fs::write(Path::new(&out).join("texts.rs"), code)?;
    Ok(())
}

/// The texts of a file, in the order of the list.
fn texts(file: &Path) -> Result<String> {
    let source = fs::read_to_string(file)?;
    let parsed = fluent_syntax::parser::parse(source.as_str()).map_err(|(_, problems)| format!("{problems:?}"))?;
    let mut messages = Vec::new();
    for entry in parsed.body {
        match entry {
            Entry::Message(message) => messages.push(message),
            Entry::Comment(_) | Entry::GroupComment(_) | Entry::ResourceComment(_) => {}
            Entry::Term(_) | Entry::Junk { .. } => return Err(format!("this is no text: {entry:?}").into()),
        }
    }
    let mut texts = String::new();
    for (name, variables) in TEXTS {
        let message = messages.iter().find(|message| message.id.name == *name);
        let text = message.and_then(|message| message.value.as_ref()).ok_or_else(|| format!("{name} has no text"))?;
        texts += &pattern(text, variables).map_err(|error| format!("{name}: {error}"))?;
        texts.push(END);
    }
    Ok(texts)
}

fn pattern(pattern: &Pattern<&str>, variables: &[&str]) -> Result<String> {
    let mut parts = String::new();
    let is_lone = pattern.elements.len() == 1;
    for element in &pattern.elements {
        match element {
            PatternElement::TextElement { value } if value.contains(|c: char| c <= LONE_CHOICE) => {
                return Err(format!("{value:?} has a character that is a sign here").into());
            }
            PatternElement::TextElement { value } => parts.push_str(value),
            PatternElement::Placeable { expression: Expression::Inline(inline) } => {
                parts.push(if is_lone { LONE_VARIABLE } else { VARIABLE });
                parts += &variable(inline, variables)?;
            }
            PatternElement::Placeable { expression: Expression::Select { selector, variants } } => {
                parts.push(if is_lone { LONE_CHOICE } else { CHOICE });
                parts += &variable(selector, variables)?;
                parts += &choices(variants, variables)?;
            }
        }
    }
    Ok(parts)
}

fn choices(variants: &[Variant<&str>], variables: &[&str]) -> Result<String> {
    let mut choices = String::new();
    for variant in variants {
        match (&variant.key, variant.default) {
            (_, true) => {}
            (VariantKey::NumberLiteral { value }, _) => choices += &value.parse::<u64>()?.to_string(),
            (VariantKey::Identifier { name: "one" }, _) => choices += ONE,
            (VariantKey::Identifier { name: "few" }, _) => choices += FEW,
            (VariantKey::Identifier { name }, _) => return Err(format!("a choice by `{name}`").into()),
        }
        choices.push(THEN);
        choices += &pattern(&variant.value, variables)?;
        choices.push(END_OF_CHOICE);
    }
    // What is chosen where nothing fits is looked at last.
    match variants.last() {
        Some(last) if last.default => Ok(choices),
        _ => Err("the default of a choice has to be its last".into()),
    }
}

/// The digit of a variable.
fn variable(expression: &InlineExpression<&str>, variables: &[&str]) -> Result<String> {
    match expression {
        InlineExpression::VariableReference { id } => match variables.iter().position(|name| *name == id.name) {
            Some(digit @ 0..=9) => Ok(digit.to_string()),
            _ => Err(format!("the list knows no variable `{}` of it", id.name).into()),
        },
        other => Err(format!("neither text nor variable: {other:?}").into()),
    }
}
