//! The public items of the crate's sources, one a line. Reads what is written, macros and all that
//! the compiler infers left out; the crate has neither in its public parts.

use std::{collections::BTreeSet, fs, path::Path};

use quote::ToTokens;
use syn::{Attribute, Fields, File, ImplItem, Item, ItemImpl, TraitItem, UseTree, Visibility};

/// All of it, sorted.
pub(crate) fn of(sources: &Path) -> String {
    let root = parse(&sources.join("lib.rs"));
    let mut names = BTreeSet::new();
    let mut lines = BTreeSet::new();
    for item in &root.items {
        match item {
            Item::Use(used) if is_public(&used.vis) => collect(&used.tree, &mut names),
            other => list(other, &mut lines, &|_| true),
        }
    }
    let is_exported = |name: &str| names.contains(name);
    for file in files(sources) {
        for item in &parse(&file).items {
            list(item, &mut lines, &is_exported);
        }
    }
    for name in &names {
        let begins =
            |line: &String| line.split([' ', '<', '(', ':', '{', ';']).any(|word| word == name);
        assert!(lines.iter().any(begins), "{name} is exported, and nothing of it was found");
    }
    lines.into_iter().map(|line| line + "\n").collect()
}

fn files(directory: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .filter(|path| path.file_name().is_some_and(|name| name != "lib.rs"))
        .collect()
}

fn parse(path: &Path) -> File {
    let source = fs::read_to_string(path).unwrap();
    syn::parse_file(&source).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn collect(tree: &UseTree, names: &mut BTreeSet<String>) {
    match tree {
        UseTree::Path(path) => collect(&path.tree, names),
        UseTree::Name(name) => {
            names.insert(name.ident.to_string());
        }
        UseTree::Group(group) => group.items.iter().for_each(|tree| collect(tree, names)),
        UseTree::Rename(_) | UseTree::Glob(_) => panic!("exports are written by name"),
    }
}

/// The text of some syntax, spaced alike however it was written.
fn text(syntax: &impl ToTokens) -> String {
    let mut told = syntax.to_token_stream().to_string();
    for (wide, close) in [
        (" :: ", "::"),
        (":: ", "::"),
        (" ::", "::"),
        (" < ", "<"),
        (" >", ">"),
        ("< ", "<"),
        (" ,", ","),
        (" :", ":"),
        ("& ", "&"),
        ("( ", "("),
        (" )", ")"),
        (" (", "("),
        (" ;", ";"),
        ("' ", "'"),
        (" [", "["),
        ("[ ", "["),
        (" ]", "]"),
    ] {
        told = told.replace(wide, close);
    }
    told.trim().to_owned()
}

/// `#[cfg(…)]` and derives say under which feature, and what a type can do.
fn marks(attributes: &[Attribute]) -> String {
    let told = attributes.iter().filter(|attribute| {
        ["cfg", "cfg_attr", "derive", "non_exhaustive", "must_use", "default"]
            .iter()
            .any(|name| attribute.path().is_ident(name))
    });
    told.map(|attribute| text(attribute) + " ").collect()
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| text(attribute) == "#[cfg(test)]")
}

fn list(item: &Item, lines: &mut BTreeSet<String>, is_exported: &dyn Fn(&str) -> bool) {
    let mut add = |attributes: &[Attribute], line: String| {
        lines.insert(format!("{line} {}", marks(attributes)).trim().to_owned());
    };
    match item {
        Item::Fn(function)
            if is_public(&function.vis) && is_exported(&function.sig.ident.to_string()) =>
        {
            add(&function.attrs, format!("pub {}", text(&function.sig)));
        }
        Item::Type(alias) if is_public(&alias.vis) && is_exported(&alias.ident.to_string()) => {
            let (name, generics) = (&alias.ident, text(&alias.generics));
            add(&alias.attrs, format!("pub type {name}{generics} = {}", text(&alias.ty)));
        }
        Item::Struct(made) if is_exported(&made.ident.to_string()) => {
            let name = made.ident.to_string();
            let generics = text(&made.generics);
            let is_unit = matches!(made.fields, Fields::Unit);
            let unit = if is_unit { ";" } else { "" };
            add(&made.attrs, format!("pub struct {name}{generics}{unit}"));
            for field in made.fields.iter().filter(|field| is_public(&field.vis)) {
                let of = field.ident.as_ref().map_or("0".to_owned(), ToString::to_string);
                add(&field.attrs, format!("pub {name}.{of}: {}", text(&field.ty)));
            }
        }
        Item::Enum(made) if is_exported(&made.ident.to_string()) => {
            let name = made.ident.to_string();
            add(&made.attrs, format!("pub enum {name}{}", text(&made.generics)));
            for variant in &made.variants {
                let told = format!("{}{}", variant.ident, text(&variant.fields));
                add(&[], format!("pub {name}::{told} {}", marks(&variant.attrs)));
            }
        }
        Item::Trait(made) if is_exported(&made.ident.to_string()) => {
            let (name, bounds) = (made.ident.to_string(), text(&made.supertraits));
            add(&made.attrs, format!("pub trait {name}{}: {bounds}", text(&made.generics)));
            for item in &made.items {
                match item {
                    TraitItem::Fn(method) => add(&[], format!("pub {name}::{}", text(&method.sig))),
                    other => add(&[], format!("pub {name}::{}", of_trait(other))),
                }
            }
        }
        Item::Impl(block) if !is_test(&block.attrs) => of_impl(block, lines, is_exported),
        _ => {}
    }
}

fn of_trait(item: &TraitItem) -> String {
    match item {
        TraitItem::Type(kind) => format!("type {}: {}", kind.ident, text(&kind.bounds)),
        TraitItem::Const(constant) => format!("const {}", constant.ident),
        _ => panic!("a trait with an item of an unknown shape"),
    }
}

/// What a type of ours can do, by itself or by a trait.
fn of_impl(block: &ItemImpl, lines: &mut BTreeSet<String>, is_exported: &dyn Fn(&str) -> bool) {
    let kind = text(&block.self_ty);
    let bare = kind.trim_start_matches('&').split('<').next().unwrap_or_default().to_owned();
    if !is_exported(bare.trim_start_matches("'_ ")) {
        return;
    }
    let generics = text(&block.generics);
    let bounds = block.generics.where_clause.as_ref().map(text);
    let bounds = bounds.map_or_else(String::new, |bounds| format!(" {bounds}"));
    let mut add = |attributes: &[Attribute], line: String| {
        let both = marks(&block.attrs) + &marks(attributes);
        lines.insert(format!("{line} {both}").trim().to_owned());
    };
    if let Some((path, _)) = &block.trait_ {
        add(&[], format!("impl{generics} {} for {kind}{bounds}", text(path)));
        return;
    }
    for item in &block.items {
        match item {
            ImplItem::Fn(method) if is_public(&method.vis) => {
                let told = text(&method.sig);
                add(&method.attrs, format!("pub {kind}::{told}{bounds}"));
            }
            ImplItem::Const(constant) if is_public(&constant.vis) => {
                let (name, of) = (&constant.ident, text(&constant.ty));
                add(&constant.attrs, format!("pub const {kind}::{name}: {of}"));
            }
            _ => {}
        }
    }
}
