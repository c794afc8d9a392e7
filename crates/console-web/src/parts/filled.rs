//! What stands in a form: what was typed or is stored, and what is wrong with it.

use api_types::ProblemError;

/// The values of a form by the names of its fields, and its faults. Not `Debug`: typed passwords are among them.
#[derive(Clone, Default)]
pub(crate) struct Filled {
    values: Vec<(String, String)>,
    faults: Vec<ProblemError>,
}

impl Filled {
    /// A form that nobody has touched.
    pub(crate) fn blank() -> Self {
        Self::default()
    }

    /// A form that came back: everything that was typed, and why it was refused.
    pub(crate) fn refused(values: Vec<(String, String)>, faults: Vec<ProblemError>) -> Self {
        Self { values, faults }
    }

    /// With a value more. A box that is to be ticked has its value; one that is not has none.
    pub(crate) fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.values.push((name.into(), value.into()));
        self
    }

    /// With `value` in place of whatever stood in the field.
    pub(crate) fn put(mut self, name: &str, value: impl Into<String>) -> Self {
        self.values.retain(|(field, _)| field != name);
        self.with(name, value)
    }

    /// With a ticked box, if so.
    pub(crate) fn with_tick(self, name: &str, is_ticked: bool) -> Self {
        if is_ticked { self.with(name, "true") } else { self }
    }

    /// What stands in the field `name`; empty where nothing does.
    pub(crate) fn value(&self, name: &str) -> &str {
        self.values.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value)
    }

    /// Whether `value` is among what was chosen.
    pub(crate) fn has(&self, name: &str, value: &str) -> bool {
        self.values.iter().any(|(field, chosen)| field == name && chosen == value)
    }

    /// Everything that is wrong.
    pub(crate) fn faults(&self) -> &[ProblemError] {
        &self.faults
    }

    /// What is wrong with the field `name`: faults whose JSON pointer is that member, or something in it.
    pub(crate) fn faults_of(&self, name: &str) -> impl Iterator<Item = &ProblemError> {
        self.faults.iter().filter(move |fault| member(fault) == Some(name))
    }
}

/// The member of the body that a fault is in.
pub(super) fn member(fault: &ProblemError) -> Option<&str> {
    let pointer = fault.attr.as_deref()?.trim_start_matches('/');
    pointer.split('/').next().filter(|member| !member.is_empty())
}
