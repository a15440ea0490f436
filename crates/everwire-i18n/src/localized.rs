use crate::texts;
use crate::{Language, Text};

/// The texts of one language.
#[derive(Clone, Copy, Debug)]
pub struct Words {
    language: Language,
    is_isolating: bool,
    has_capitals: bool,
}

impl Words {
    /// The texts of a language, for places that show plain text.
    #[must_use]
    pub fn new(language: Language) -> Self {
        Self { language, is_isolating: false, has_capitals: false }
    }

    /// Sets off names and other inserted words with Unicode's isolating marks, so that a name written from right to left
    /// leaves the order of the words around it alone. For places that handle these marks, as browsers do and most
    /// terminals don't.
    #[must_use]
    pub fn isolating(mut self) -> Self {
        self.is_isolating = true;
        self
    }

    /// Begins each text with a capital letter, for places where each stands for itself. A name that a text begins with
    /// stays as it is.
    #[must_use]
    pub fn with_capitals(mut self) -> Self {
        self.has_capitals = true;
        self
    }

    /// The same texts as they stand within others.
    #[must_use]
    pub fn within(mut self) -> Self {
        self.has_capitals = false;
        self
    }

    /// The language of the texts.
    #[must_use]
    pub fn language(&self) -> Language {
        self.language
    }

    /// A text with its variables filled in.
    #[must_use]
    pub fn say(&self, text: &Text<'_>) -> String {
        texts::say(text, self.language, self.is_isolating, self.has_capitals)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use fluent_bundle::{FluentArgs, FluentBundle, FluentResource};
    use fluent_syntax::ast::{Entry, Expression, InlineExpression, Pattern, PatternElement};

    use super::*;
    use crate::texts::{AFTER, BEFORE, Value};

    fn words(language: Language) -> Words {
        Words::new(language)
    }

    fn plain(language: Language, isolating: bool) -> Words {
        if isolating { words(language).isolating() } else { words(language) }
    }

    #[test]
    fn every_text_is_there_in_every_language_with_its_variables() {
        let named: BTreeMap<String, BTreeSet<String>> = Text::ALL
            .iter()
            .map(|(name, variables)| ((*name).to_owned(), variables.iter().map(|v| (*v).to_owned()).collect()))
            .collect();
        for language in Language::ALL {
            assert_eq!(messages(source(language)), named, "{language}");
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
        assert_eq!(typing(4, Language::Russian), "Ana и ещё 3 человека печатают…");
        assert_eq!(typing(21, Language::Russian), "Ana и ещё 20 человек печатают…");
    }

    #[test]
    fn russian_reads_as_it_is_spoken() {
        let said = |text: &Text<'_>| words(Language::Russian).say(text);
        assert_eq!(said(&Text::TooLong { over: 1 }), "1 лишний символ");
        assert_eq!(said(&Text::TooLong { over: 3 }), "3 лишних символа");
        assert_eq!(said(&Text::Left { name: "Ana" }), "Ana выходит из комнаты");
        let unknown = said(&Text::FailureUnknown);
        assert_eq!(said(&Text::StatusFailed { reason: &unknown }), "сбой: неизвестно, дошло ли сообщение");
        assert_eq!(said(&Text::Here { count: 0 }), said(&Text::Nobody));
    }

    #[test]
    fn a_day_is_written_as_people_write_it() {
        let day = Text::Day { weekday: 1, day: 23, month: 11, year: "2026" };
        assert_eq!(words(Language::English).say(&day), "Monday, 23 November 2026");
        assert_eq!(words(Language::Russian).say(&day), "понедельник, 23 ноября 2026");
    }

    #[test]
    fn a_text_that_stands_for_itself_begins_with_a_capital_and_a_name_stays_as_it_is() {
        for language in Language::ALL {
            for isolating in [false, true] {
                let words = words(language).with_capitals();
                let words = if isolating { words.isolating() } else { words };
                let samples = [
                    Text::Connected,
                    Text::Waiting { count: 2 },
                    Text::Refused { reason: "no" },
                    Text::LeaveRoom { room: "den" },
                ];
                for text in samples {
                    let first = words.say(&text).chars().find(|c| *c != BEFORE).expect("words");
                    assert!(!first.is_lowercase(), "{}", words.say(&text));
                    assert_eq!(words.within().say(&text), plain(language, isolating).say(&text));
                }
                let joined = words.say(&Text::Joined { name: "ana" });
                assert!(joined.contains("ana"), "{joined}");
            }
        }
        assert_eq!(words(Language::Russian).with_capitals().say(&Text::Connected), "На связи");
        let day = Text::Day { weekday: 1, day: 23, month: 11, year: "2026" };
        assert_eq!(words(Language::Russian).with_capitals().say(&day), "Понедельник, 23 ноября 2026");
    }

    #[test]
    fn names_are_set_off_where_that_is_wanted() {
        let joined = Text::Joined { name: "דנה" };
        assert_eq!(words(Language::English).say(&joined), "דנה joined");
        assert_eq!(words(Language::English).isolating().say(&joined), "\u{2068}דנה\u{2069} joined");
    }

    #[test]
    fn every_text_reads_as_the_format_s_own_library_reads_it() {
        let numbers = (0..=130).chain([200, 1_001, 1_011, 1_021, 10_003, 1_000_000]);
        for number in numbers {
            let (small, words) = (u8::try_from(number % 13).expect("small"), "Zoë");
            let texts = [
                Text::Waiting { count: number },
                Text::UnreadLine { count: number },
                Text::Here { count: number },
                Text::TooLong { over: number },
                Text::Missed { count: number },
                Text::Undelivered { count: number },
                Text::KeptForLater { count: number },
                Text::Offline { seconds: number },
                Text::ConnectingAgain { attempt: u32::try_from(number).expect("small") },
                Text::Typing { count: number, first: words, second: "דנה", others: number.saturating_sub(1) },
                Text::Day { weekday: small, day: small, month: small, year: "2026" },
                Text::Joined { name: words },
                Text::StatusFailed { reason: words },
                Text::HelpKeys,
                Text::HelpCommands,
            ];
            for (language, text) in Language::ALL.into_iter().flat_map(|language| texts.map(|text| (language, text))) {
                assert_eq!(words_of(language, false, &text), by_the_library(language, false, &text), "{text:?}");
                assert_eq!(words_of(language, true, &text), by_the_library(language, true, &text), "{text:?}");
            }
        }
    }

    fn words_of(language: Language, is_isolating: bool, text: &Text<'_>) -> String {
        let words = words(language);
        if is_isolating { words.isolating().say(text) } else { words.say(text) }
    }

    #[allow(clippy::expect_used, reason = "a helper of tests")]
    fn by_the_library(language: Language, is_isolating: bool, text: &Text<'_>) -> String {
        thread_local! {
            static BUNDLES: [FluentBundle<FluentResource>; 2] = Language::ALL.map(|language| {
                let mut bundle = FluentBundle::new(vec![language.code().parse().expect("a language")]);
                let resource = FluentResource::try_new(source(language).to_owned()).expect("the file can be read");
                bundle.add_resource_overriding(resource);
                bundle
            });
        }
        let mut arguments = FluentArgs::new();
        let (_, variables) = Text::ALL[text.place()];
        for (number, variable) in variables.iter().enumerate() {
            match text.variable(number).expect("a variable") {
                Value::Number(number) => arguments.set(*variable, number),
                Value::Words(words) => arguments.set(*variable, words),
            }
        }
        BUNDLES.with(|bundles| {
            let bundle = &bundles[usize::from(language == Language::Russian)];
            let pattern = bundle.get_message(text.name()).and_then(|message| message.value()).expect("a text");
            let said = bundle.format_pattern(pattern, Some(&arguments), &mut Vec::new()).into_owned();
            if is_isolating { said } else { said.replace([BEFORE, AFTER], "") }
        })
    }

    fn source(language: Language) -> &'static str {
        match language {
            Language::English => include_str!("../texts/en.ftl"),
            Language::Russian => include_str!("../texts/ru.ftl"),
        }
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
