//! Which colour somebody has, and with which letters.

/// As many as `page/style.css` has.
const COLOURS: usize = 8;

/// The colours of a room's people: for each the same one everywhere, unless somebody else in the room has it already and another
/// is free.
#[derive(Debug, Default)]
pub(crate) struct Colours {
    of: Vec<(String, usize)>,
    /// How many have each of them.
    taken: [usize; COLOURS],
}

impl Colours {
    /// Somebody's colour, for as long as the room is shown.
    pub(crate) fn of(&mut self, user_id: &str) -> usize {
        if let Some((_, colour)) = self.of.iter().find(|(known, _)| known == user_id) {
            return *colour;
        }
        let own =
            user_id.bytes().fold(0_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte))) as usize;
        let from_own = (0..COLOURS).map(|step| (own + step) % COLOURS);
        let colour = from_own.min_by_key(|colour| self.taken[*colour]).unwrap_or_default();
        self.taken[colour] += 1;
        self.of.push((user_id.to_owned(), colour));
        colour
    }
}

/// The first letters of a name's first word and of its last, as they are written.
pub(crate) fn initials(name: &str) -> String {
    let letter = |word: &str| word.chars().find(|letter| letter.is_alphanumeric());
    let mut letters = name.split_whitespace().filter_map(letter);
    let first = letters.next().or_else(|| name.chars().find(|sign| !sign.is_whitespace()));
    first.into_iter().chain(letters.next_back()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_in_a_room_have_distinct_colours_as_long_as_there_are_some() {
        let mut colours = Colours::default();
        let mut of: Vec<usize> = (0..COLOURS).map(|user| colours.of(&format!("user {user}"))).collect();
        assert_eq!(of[3], colours.of("user 3"));
        of.sort_unstable();
        assert_eq!(of, (0..COLOURS).collect::<Vec<_>>());
        let ninth = colours.of("user 9");
        assert!(ninth < COLOURS);
        assert_eq!(Colours::default().of("ana"), Colours::default().of("ana"), "the same everywhere");
    }

    #[test]
    fn a_name_is_known_by_its_first_letters() {
        for (name, letters) in [
            ("Ana", "A"),
            ("ana maria lópez", "al"),
            ("  Ben  ", "B"),
            ("李 雷", "李雷"),
            ("(Zoe) [x]", "Zx"),
            ("😀", "😀"),
            ("", ""),
        ] {
            assert_eq!(initials(name), letters, "{name}");
        }
    }
}
