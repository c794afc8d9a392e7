//! Searching names for what somebody typed: as it is, whichever case it is written in.

use access_domain::SearchText;
use diesel::{define_sql_function, sql_types::Text};

define_sql_function! {
    /// The text in small letters. SQLite's own knows those of ASCII alone: connections bring another one along.
    fn lower(text: Text) -> Text;
}

/// What `LIKE` takes for "has this in it", with `\` to escape by.
pub(crate) fn containing(text: &SearchText) -> String {
    let mut pattern = String::with_capacity(text.as_str().len() + 2);
    pattern.push('%');
    for letter in text.as_str().chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_for_others_stands_for_itself() {
        let text = SearchText::parse(r"50%_\a").unwrap().unwrap();
        assert_eq!(containing(&text), r"%50\%\_\\a%");
    }
}
