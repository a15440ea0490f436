//! The colour and the initials of a user.

/// The number of colours, as in `page/style.css`.
const COLOURS: usize = 8;

/// The colours of a room's users. A user has the same colour in every room, unless another user of the room has it already
/// and another colour is used less.
#[derive(Debug, Default)]
pub(crate) struct Colours {
    of: Vec<(String, usize)>,
    /// The number of users with each colour.
    taken: [usize; COLOURS],
}

impl Colours {
    /// A user's colour, the same for as long as the room is open.
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

/// The first letters of a name's first and last word, in their own case.
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
    fn users_in_a_room_have_distinct_colours_as_long_as_there_are_enough() {
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
    fn initials_are_the_first_letters_of_the_first_and_the_last_word() {
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
