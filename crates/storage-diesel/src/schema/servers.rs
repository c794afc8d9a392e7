//! What servers know of each other. Joined with nothing.

use diesel::table;

table! {
    nodes (id) {
        id -> Text,
        name -> Text,
        seen_at -> BigInt,
        answered -> BigInt,
    }
}

table! {
    roll_calls (id) {
        id -> SmallInt,
        number -> BigInt,
    }
}
