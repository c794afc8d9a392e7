//! Which names a location means: one, those with a `*` in their last part, or all below.

/// What a location names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// This one, or all below it where it is a directory.
    One(String),
    /// All below this directory, however deep; the empty one is the root.
    Below(String),
    /// Those in this directory whose names begin and end so.
    Matching { directory: String, start: String, end: String },
}

impl Wanted {
    /// Reads a location that was found good.
    pub(super) fn read(location: &str) -> Self {
        if location.is_empty() {
            return Self::Below(String::new());
        }
        if let Some(directory) = location.strip_suffix('/') {
            return Self::Below(directory.to_owned());
        }
        let (directory, last) = location.rsplit_once('/').unwrap_or(("", location));
        match last.split_once('*') {
            Some((start, end)) => Self::Matching {
                directory: directory.to_owned(),
                start: start.to_owned(),
                end: end.to_owned(),
            },
            None => Self::One(location.to_owned()),
        }
    }

    /// Whether `name`, a path from the root, is meant.
    pub(super) fn admits(&self, name: &str) -> bool {
        // What is being written, and what is hidden from people too.
        if name.split('/').any(|part| part.starts_with('.')) {
            return false;
        }
        let below = |directory: &str| {
            directory.is_empty()
                || name.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'))
        };
        match self {
            Self::One(one) => name == one || below(one),
            Self::Below(directory) => below(directory),
            Self::Matching { directory, start, end } => {
                let (within, last) = name.rsplit_once('/').unwrap_or(("", name));
                within == directory
                    && last.len() >= start.len() + end.len()
                    && last.starts_with(start)
                    && last.ends_with(end)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(location: &str, admitted: &[&str], refused: &[&str]) {
        let wanted = Wanted::read(location);
        for name in admitted {
            assert!(wanted.admits(name), "{location} {name}");
        }
        for name in refused {
            assert!(!wanted.admits(name), "{location} {name}");
        }
    }

    #[test]
    fn a_location_names_one_some_or_all() {
        check("in/a.csv", &["in/a.csv", "in/a.csv/x"], &["in/a.csv2", "in/b.csv", "a.csv"]);
        check("in/", &["in/a", "in/b/c"], &["inner/a", "a"]);
        check("", &["a", "b/c"], &[".a", "b/.c"]);
        check("in/*.csv", &["in/a.csv"], &["in/a.json", "in/b/a.csv"]);
        check("a*a", &["aa", "aba"], &["a", "ab"]);
    }
}
