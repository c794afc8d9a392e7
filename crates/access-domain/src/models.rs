//! Which models there are, and under which names.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{Echo, ModelProvider};

const MAX_NAME: usize = 100;
/// The model that is always there.
const BUILT_IN: &str = "echo";

/// The models of a server by their names, and other names for them.
pub struct Models {
    providers: BTreeMap<String, Arc<dyn ModelProvider>>,
    /// To the name that a provider stands under, however many aliases lie between.
    aliases: BTreeMap<String, String>,
}

/// A name under which a model can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelName {
    /// The name.
    pub id: String,
    /// The model that it means, where it is not the model's own.
    pub alias_of: Option<String>,
}

/// A model or an alias that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {fault}")]
pub struct InvalidModel {
    /// Its name.
    pub name: String,
    /// Whether it is an alias.
    pub is_alias: bool,
    /// What is wrong with it.
    pub fault: NameFault,
}

/// What can be wrong with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameFault {
    /// It is no name.
    #[error("must have 1 to {MAX_NAME} visible ASCII characters")]
    Malformed,
    /// A model has this name.
    #[error("is the name of a model itself")]
    Taken,
    /// It means something that is neither a model nor an alias.
    #[error("must name a model or another alias")]
    UnknownModel,
    /// It means itself, by way of others or at once.
    #[error("leads back to itself")]
    Cycle,
}

impl Models {
    /// The built-in model, and `aliases` for it.
    ///
    /// # Errors
    /// When an alias is no name, or leads to no model.
    pub fn built_in(aliases: &BTreeMap<String, String>) -> Result<Self, InvalidModel> {
        Self::new(BTreeMap::new(), aliases)
    }

    /// The built-in model, those in `providers` by their names, and `aliases` for all of them.
    ///
    /// # Errors
    /// When a name is none, is the built-in model's, or an alias leads to no model.
    pub fn new(
        mut providers: BTreeMap<String, Arc<dyn ModelProvider>>,
        aliases: &BTreeMap<String, String>,
    ) -> Result<Self, InvalidModel> {
        for name in providers.keys() {
            let fault = if !is_name(name) {
                NameFault::Malformed
            } else if name == BUILT_IN {
                NameFault::Taken
            } else {
                continue;
            };
            return Err(InvalidModel { name: name.clone(), is_alias: false, fault });
        }
        providers.insert(BUILT_IN.to_owned(), Arc::new(Echo));
        let resolve = |alias: &String| match follow(alias, &providers, aliases) {
            Ok(model) => Ok((alias.clone(), model)),
            Err(fault) => Err(InvalidModel { name: alias.clone(), is_alias: true, fault }),
        };
        let aliases = aliases.keys().map(resolve).collect::<Result<_, _>>()?;
        Ok(Self { providers, aliases })
    }

    /// The model of this name or alias.
    pub fn find(&self, name: &str) -> Option<Arc<dyn ModelProvider>> {
        let model = self.aliases.get(name).map_or(name, String::as_str);
        self.providers.get(model).cloned()
    }

    /// Every name, in their order.
    pub fn names(&self) -> Vec<ModelName> {
        let models = self.providers.keys().map(|id| (id, None));
        let aliases = self.aliases.iter().map(|(id, model)| (id, Some(model)));
        let all: BTreeMap<_, _> = models.chain(aliases).collect();
        let name = |(id, alias_of): (&String, Option<&String>)| ModelName {
            id: id.clone(),
            alias_of: alias_of.cloned(),
        };
        all.into_iter().map(name).collect()
    }
}

fn is_name(text: &str) -> bool {
    (1..=MAX_NAME).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

/// The model that an alias comes to in the end.
fn follow(
    alias: &str,
    providers: &BTreeMap<String, Arc<dyn ModelProvider>>,
    aliases: &BTreeMap<String, String>,
) -> Result<String, NameFault> {
    if !is_name(alias) {
        return Err(NameFault::Malformed);
    }
    if providers.contains_key(alias) {
        return Err(NameFault::Taken);
    }
    let (mut name, mut seen) = (alias, BTreeSet::new());
    while !providers.contains_key(name) {
        if !seen.insert(name) {
            return Err(NameFault::Cycle);
        }
        name = aliases.get(name).ok_or(NameFault::UnknownModel)?;
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn models(aliases: &[(&str, &str)]) -> Result<Models, (String, NameFault)> {
        let own = |(alias, model): &(&str, &str)| ((*alias).to_owned(), (*model).to_owned());
        Models::built_in(&aliases.iter().map(own).collect())
            .map_err(|InvalidModel { name, fault, .. }| (name, fault))
    }

    #[test]
    fn an_alias_leads_to_a_model_by_way_of_others_or_at_once() {
        let models = models(&[("gpt-4", "echo"), ("best", "gpt-4")]).unwrap();
        let names: Vec<_> =
            models.names().into_iter().map(|name| (name.id, name.alias_of)).collect();
        let echo = || Some("echo".to_owned());
        let expected = [("best".into(), echo()), ("echo".into(), None), ("gpt-4".into(), echo())];
        assert_eq!(names, expected);
        assert!(models.find("best").is_some() && models.find("gpt-5").is_none());
    }

    #[test]
    fn an_alias_that_leads_nowhere_is_named() {
        let refused = |aliases: &[(&str, &str)]| models(aliases).err().unwrap();
        let named = |alias: &str, fault| (alias.to_owned(), fault);
        assert_eq!(refused(&[("a", "b")]), named("a", NameFault::UnknownModel));
        assert_eq!(refused(&[("a", "a")]), named("a", NameFault::Cycle));
        assert_eq!(refused(&[("a", "b"), ("b", "a")]), named("a", NameFault::Cycle));
        assert_eq!(refused(&[("echo", "echo")]), named("echo", NameFault::Taken));
        assert_eq!(refused(&[("a b", "echo")]), named("a b", NameFault::Malformed));
        assert_eq!(refused(&[("", "echo")]), named("", NameFault::Malformed));
    }

    #[test]
    fn models_of_the_operator_stand_beside_the_built_in_one() {
        let given = |name: &str| {
            let provider: Arc<dyn ModelProvider> = Arc::new(Echo);
            BTreeMap::from([(name.to_owned(), provider)])
        };
        let alias = BTreeMap::from([("best".to_owned(), "gpt-4".to_owned())]);
        let models = Models::new(given("gpt-4"), &alias).unwrap();
        assert!(models.find("best").is_some() && models.find("echo").is_some());
        let refused = |name: &str| Models::new(given(name), &BTreeMap::new()).err().unwrap().fault;
        assert_eq!(refused("echo"), NameFault::Taken);
        assert_eq!(refused("a b"), NameFault::Malformed);
    }
}
