//! UTF-8 that arrives in pieces.

use bytestring::ByteString;

use crate::ProtocolError;

/// Text put together from pieces cut at any byte. Each byte is validated once, when it arrives, and a piece that can't
/// be the continuation of valid UTF-8 fails at once, even in the middle of a character.
#[derive(Debug, Default)]
pub(crate) struct PartialText {
    text: String,
    /// The start of a character whose end has not come.
    cut: [u8; 4],
    cut_len: usize,
}

impl PartialText {
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self { text: String::with_capacity(bytes), ..Self::default() }
    }

    pub(crate) fn len(&self) -> usize {
        self.text.len() + self.cut_len
    }

    pub(crate) fn push(&mut self, mut piece: &[u8]) -> Result<(), ProtocolError> {
        while self.cut_len > 0 {
            let Some((&byte, rest)) = piece.split_first() else { return Ok(()) };
            piece = rest;
            self.push_into_cut(byte)?;
        }
        let (whole, cut) = split_cut(piece)?;
        let whole = simdutf8::basic::from_utf8(whole).map_err(|_| ProtocolError::InvalidUtf8)?;
        self.text.push_str(whole);
        self.cut[..cut.len()].copy_from_slice(cut);
        self.cut_len = cut.len();
        Ok(())
    }

    pub(crate) fn finish(mut self) -> Result<ByteString, ProtocolError> {
        if self.cut_len > 0 {
            return Err(ProtocolError::InvalidUtf8);
        }
        // It may be kept for long: not with much more memory than it needs.
        if self.text.capacity() - self.text.len() > self.text.len() / 4 {
            self.text.shrink_to_fit();
        }
        Ok(self.text.into())
    }

    fn push_into_cut(&mut self, byte: u8) -> Result<(), ProtocolError> {
        self.cut[self.cut_len] = byte;
        self.cut_len += 1;
        match std::str::from_utf8(&self.cut[..self.cut_len]) {
            Ok(character) => {
                self.text.push_str(character);
                self.cut_len = 0;
                Ok(())
            }
            Err(error) if error.error_len().is_none() => Ok(()),
            Err(_) => Err(ProtocolError::InvalidUtf8),
        }
    }
}

/// Checks text that grows at its end and is valid as far as `valid`: how far it is now. What lies behind is the start of
/// a character.
pub(crate) fn check_growing(text: &[u8], valid: usize) -> Result<usize, ProtocolError> {
    let (whole, cut) = split_cut(text.get(valid..).unwrap_or_default())?;
    simdutf8::basic::from_utf8(whole).map_err(|_| ProtocolError::InvalidUtf8)?;
    Ok(text.len() - cut.len())
}

/// Splits off the start of a character that `piece` ends with, which must be one that can still become valid.
fn split_cut(piece: &[u8]) -> Result<(&[u8], &[u8]), ProtocolError> {
    let tail = &piece[piece.len().saturating_sub(3)..];
    let Some(back) = tail.iter().rev().position(|&byte| byte >= 0xc0) else { return Ok((piece, &[])) };
    let (whole, last) = piece.split_at(piece.len() - back - 1);
    match std::str::from_utf8(last) {
        Ok(_) => Ok((piece, &[])),
        Err(error) if error.error_len().is_none() => Ok((whole, last)),
        Err(_) => Err(ProtocolError::InvalidUtf8),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pushed(pieces: &[&[u8]]) -> Result<ByteString, ProtocolError> {
        let mut text = PartialText::default();
        for piece in pieces {
            text.push(piece)?;
        }
        text.finish()
    }

    #[test]
    fn characters_may_be_cut_anywhere() {
        let text = "aß€😀z";
        for a in 0..=text.len() {
            for b in a..=text.len() {
                let bytes = text.as_bytes();
                assert_eq!(pushed(&[&bytes[..a], &bytes[a..b], &bytes[b..]]).unwrap(), text);
            }
        }
    }

    #[test]
    fn an_impossible_start_fails_before_the_character_is_complete() {
        for start in
            [&b"\xf4\x90"[..], b"\xed\xa0", b"\xe0\x80", b"\xf0\x80", b"\xc0", b"\xc1", b"\xf5", b"\x80", b"\xff"]
        {
            assert_eq!(PartialText::default().push(start), Err(ProtocolError::InvalidUtf8), "{start:x?}");
            let mut bytewise = PartialText::default();
            let all: Result<(), _> = start.iter().try_for_each(|&byte| bytewise.push(&[byte]));
            assert_eq!(all, Err(ProtocolError::InvalidUtf8), "{start:x?}");
        }
    }

    #[test]
    fn a_cut_character_at_the_end_is_an_error() {
        assert_eq!(pushed(&[b"a\xe2\x82"]), Err(ProtocolError::InvalidUtf8));
    }

    proptest! {
        #[test]
        fn pieces_are_judged_as_the_whole_is(
            bytes in prop_oneof![
                any::<String>().prop_map(String::into_bytes),
                prop::collection::vec(any::<u8>(), 0..12),
                (any::<String>(), prop::collection::vec(any::<u8>(), 0..3), any::<String>())
                    .prop_map(|(a, b, c)| [a.as_bytes(), &b, c.as_bytes()].concat()),
            ],
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            cuts.sort_unstable();
            let mut text = PartialText::default();
            let mut from = 0;
            let mut outcome = Ok(());
            for to in cuts.into_iter().chain([bytes.len()]) {
                // The earliest verdict: invalid as soon as the prefix can't become valid.
                outcome = text.push(&bytes[from..to]);
                from = to;
                let hopeless = std::str::from_utf8(&bytes[..to]).is_err_and(|e| e.error_len().is_some());
                prop_assert_eq!(outcome.is_err(), hopeless);
                if outcome.is_err() {
                    break;
                }
            }
            let whole = std::str::from_utf8(&bytes).ok();
            let put_together = outcome.and_then(|()| text.finish()).ok();
            prop_assert_eq!(put_together.as_deref(), whole);
        }
    }
}
