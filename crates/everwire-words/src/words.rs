use std::borrow::Cow;

use fluent_bundle::FluentResource;
use fluent_bundle::concurrent::FluentBundle;

use crate::{Language, Text};

/// The texts of one language.
pub struct Words {
    language: Language,
    bundle: FluentBundle<FluentResource>,
}

impl Words {
    /// The texts of a language, for places that show plain text.
    #[must_use]
    pub fn new(language: Language) -> Self {
        let mut bundle = FluentBundle::new_concurrent(vec![language.identifier()]);
        bundle.set_use_isolating(false);
        // The texts are part of the program; that all of them can be read is what a test is for.
        let resource = FluentResource::try_new(language.source().to_owned()).unwrap_or_else(|(readable, _)| readable);
        bundle.add_resource_overriding(resource);
        Self { language, bundle }
    }

    /// Sets off names and other inserted words with Unicode's isolating marks, so that a name written from right to left
    /// leaves the order of the words around it alone. For places that handle these marks, as browsers do and most
    /// terminals don't.
    #[must_use]
    pub fn isolating(mut self) -> Self {
        self.bundle.set_use_isolating(true);
        self
    }

    /// Which language they are in.
    #[must_use]
    pub fn language(&self) -> Language {
        self.language
    }

    /// A text with its variables filled in.
    #[must_use]
    pub fn say(&self, text: &Text<'_>) -> String {
        let pattern = self.bundle.get_message(text.name()).and_then(|message| message.value());
        let Some(pattern) = pattern else { return text.name().to_owned() };
        let (arguments, mut problems) = (text.arguments(), Vec::new());
        let words: Cow<'_, str> = self.bundle.format_pattern(pattern, Some(&arguments), &mut problems);
        words.into_owned()
    }
}

impl std::fmt::Debug for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Words").field("language", &self.language).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use fluent_syntax::ast::{Entry, Expression, InlineExpression, Pattern, PatternElement};

    use super::*;

    fn words(language: Language) -> Words {
        Words::new(language)
    }

    #[test]
    fn every_text_is_there_in_every_language_with_its_variables() {
        let named: BTreeMap<String, BTreeSet<String>> = Text::ALL
            .iter()
            .map(|(name, variables)| ((*name).to_owned(), variables.iter().map(|v| (*v).to_owned()).collect()))
            .collect();
        for language in Language::ALL {
            assert_eq!(messages(language.source()), named, "{language}");
        }
    }

    #[test]
    fn each_language_counts_in_its_own_way() {
        let said = |language, count| words(language).say(&Text::UnreadLine { count });
        assert_eq!(said(Language::English, 1), "1 new message");
        assert_eq!(said(Language::English, 11), "11 new messages");
        for (count, text) in [(1, "1 новое сообщение"), (3, "3 новых сообщения"), (11, "11 новых сообщений")]
        {
            assert_eq!(said(Language::Russian, count), text);
        }
        assert_eq!(said(Language::Russian, 21), "21 новое сообщение");
    }

    #[test]
    fn who_types_is_told_in_few_words() {
        let typing = |count, language| {
            words(language).say(&Text::Typing { count, first: "Ana", second: "Ben", others: count.saturating_sub(1) })
        };
        assert_eq!(typing(1, Language::English), "Ana is typing…");
        assert_eq!(typing(2, Language::English), "Ana and Ben are typing…");
        assert_eq!(typing(5, Language::English), "Ana and 4 others are typing…");
        assert_eq!(typing(2, Language::Russian), "Ana и Ben печатают…");
        assert_eq!(typing(21, Language::Russian), "Ana и ещё 20 печатают…");
    }

    #[test]
    fn a_day_is_written_as_people_write_it() {
        let day = Text::Day { weekday: 1, day: 23, month: 11, year: "2026" };
        assert_eq!(words(Language::English).say(&day), "Monday, 23 November 2026");
        assert_eq!(words(Language::Russian).say(&day), "понедельник, 23 ноября 2026");
    }

    #[test]
    fn names_are_set_off_where_that_is_wanted() {
        let joined = Text::Joined { name: "דנה" };
        assert_eq!(words(Language::English).say(&joined), "דנה joined");
        assert_eq!(words(Language::English).isolating().say(&joined), "\u{2068}דנה\u{2069} joined");
    }

    /// The names of the messages of a file, with the names of their variables.
    fn messages(source: &str) -> BTreeMap<String, BTreeSet<String>> {
        let parsed = fluent_syntax::parser::parse(source).expect("the file can be read");
        let mut messages = BTreeMap::new();
        for entry in parsed.body {
            let Entry::Message(message) = entry else { continue };
            let mut variables = BTreeSet::new();
            collect(&message.value.expect("a text"), &mut variables);
            assert!(messages.insert(message.id.name.to_owned(), variables).is_none(), "{} twice", message.id.name);
        }
        messages
    }

    fn collect(pattern: &Pattern<&str>, variables: &mut BTreeSet<String>) {
        for element in &pattern.elements {
            let PatternElement::Placeable { expression } = element else { continue };
            let inline = match expression {
                Expression::Inline(inline) => inline,
                Expression::Select { selector, variants } => {
                    variants.iter().for_each(|variant| collect(&variant.value, variables));
                    selector
                }
            };
            if let InlineExpression::VariableReference { id } = inline {
                variables.insert(id.name.to_owned());
            }
        }
    }
}
