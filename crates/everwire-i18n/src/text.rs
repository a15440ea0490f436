use crate::texts::Value;

/// Makes an enum of texts: a variant for each name in the files, with its variables.
macro_rules! texts {
    ($($(#[$attribute:meta])* $variant:ident = $name:literal $({ $($variable:ident: $type:ty),+ })?,)+) => {
        /// A text, with what is filled into it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        #[allow(missing_docs)] // variables say by their names what they are
        pub enum Text<'a> {
            $($(#[$attribute])* $variant $({ $($variable: $type),+ })?,)+
        }

        /// The texts without what is filled into them.
        #[derive(Clone, Copy)]
        enum Place {
            $($(#[$attribute])* $variant,)+
        }

        #[allow(unused_doc_comments)]
        impl Text<'_> {
            /// Every text: its name in the files and the names of its variables.
            pub const ALL: &'static [(&'static str, &'static [&'static str])] =
                &[$($(#[$attribute])* ($name, &[$($(stringify!($variable)),+)?]),)+];

            /// Its place among [`ALL`](Self::ALL).
            pub(crate) fn place(&self) -> usize {
                let place = match self {
                    $($(#[$attribute])* Self::$variant { .. } => Place::$variant,)+
                };
                place as usize
            }

            /// The variable of that number, in the order of [`ALL`](Self::ALL).
            pub(crate) fn variable(&self, number: usize) -> Option<Value<'_>> {
                match self {
                    $($(#[$attribute])* Self::$variant $({ $($variable),+ })? => {
                        let variables: &[Value<'_>] = &[$($((*$variable).into()),+)?];
                        variables.get(number).copied()
                    })+
                }
            }
        }
    };
}

include!("list.rs");

impl Text<'_> {
    /// Its name in the files.
    #[must_use]
    pub fn name(&self) -> &'static str {
        Self::ALL.get(self.place()).map_or("", |(name, _)| name)
    }
}
