//! Settings that are lists: an array in the file, or in the environment texts joined by commas.

use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};

/// A list of settings.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub(crate) struct List<T>(pub(crate) Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a list, or texts joined by commas")]
        enum Either {
            Text(String),
            List(Vec<String>),
        }
        use serde::de::{Error as _, IntoDeserializer as _, value::StringDeserializer};
        let texts = match Either::deserialize(from)? {
            Either::List(texts) => texts,
            Either::Text(text) => {
                let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
                parts.map(str::to_owned).collect()
            }
        };
        let read = |text: String| {
            let item: StringDeserializer<D::Error> = text.into_deserializer();
            T::deserialize(item).map_err(D::Error::custom)
        };
        texts.into_iter().map(read).collect::<Result<_, _>>().map(Self)
    }
}
