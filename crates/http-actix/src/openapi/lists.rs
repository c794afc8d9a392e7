//! Lists say by name what they are lists of: what is generated from the document then has one type for a thing, whether it came
//! alone or in a list.

use std::collections::BTreeSet;

use utoipa::openapi::{OpenApi, Ref, RefOr, Schema, schema::ArrayItems};

/// What the schemas of lists are called before the name of their items.
const LIST: &str = "ListView_";

/// Replaces what is written out in each list by its name.
pub(super) fn name_items(document: &mut OpenApi) {
    let components = document.components.get_or_insert_default();
    let names: BTreeSet<String> = components.schemas.keys().cloned().collect();
    for (name, schema) in &mut components.schemas {
        let Some(item) = name.strip_prefix(LIST).filter(|item| names.contains(*item)) else {
            continue;
        };
        let RefOr::T(Schema::Object(list)) = schema else { continue };
        if let Some(RefOr::T(Schema::Array(items))) = list.properties.get_mut("items") {
            let reference = RefOr::Ref(Ref::from_schema_name(item));
            items.items = ArrayItems::RefOrSchema(Box::new(reference));
        }
    }
}
