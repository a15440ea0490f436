//! Chat messages as on the wire: JSON around some words, all different and of the same length.

/// The length of each message, in bytes.
pub(crate) const LENGTH: usize = 953;

/// The number of different messages; together they are longer than a compression window.
pub(crate) const DIFFERENT: usize = 256;

const WORDS: &str = "the of and to a in that is was he for it with as his on be at by had not are but from or have an \
they which one you were all her she there would their we him been has when who will no more if out so up said what its \
about than into them can only other time new some could these two may first then do any like my now over such our man \
me even most made after also did many off before must well back through years much where your way down should because \
long each just state people those too mister how little good world make very year still see own work men day get here \
old life both between being under three never know same last another while us might great go come since against right \
came take used himself few house american use place during high without again home around small however found part \
school thought went say general once upon every left war does got united number hand course water until always public";

const NAMES: &[&str] = &["ana", "bjorn", "chloe", "dmitri", "emre", "fatima", "giulia", "hiro"];

/// The messages, the same in every run.
pub(crate) fn messages() -> Vec<String> {
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    (0..DIFFERENT).map(|number| message(number, &words, &mut dice)).collect()
}

/// The last messages of a room, as a joining member receives them.
fn message(number: usize, words: &[&str], dice: &mut Dice) -> String {
    let mut message = format!(r#"{{"type":"history","room":"general","offset":{},"lines":["#, 40_000 + number);
    for line in 0..6 {
        let at = number + line;
        let name = NAMES[dice.roll(NAMES.len())];
        message.push_str(&format!(
            r#"{{"id":"{:012x}","user":"{name}","sentAt":"2026-11-23T09:{:02}:{:02}Z","text":""#,
            dice.roll(1 << 48),
            at / 60 % 60,
            at % 60
        ));
        for word in 0..10 {
            // Frequent words come first in the list: the product of two dice favours them.
            message.push_str(words[dice.roll(words.len()) * dice.roll(words.len()) / words.len()]);
            message.push_str(if word < 9 { " " } else { "\"}," });
        }
    }
    // Cut or padded to the length.
    message.truncate(LENGTH - 4);
    while message.len() < LENGTH - 4 {
        message.push(' ');
    }
    message.push_str("\"}]}");
    message
}

/// Numbers that look random.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((u128::from(self.0) * below as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_have_one_length_and_are_all_different() {
        let messages = messages();
        assert!(messages.iter().all(|message| message.len() == LENGTH));
        let distinct: std::collections::BTreeSet<_> = messages.iter().collect();
        assert_eq!(distinct.len(), DIFFERENT);
    }
}
