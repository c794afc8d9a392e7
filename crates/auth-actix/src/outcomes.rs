//! What became of the keys that were shown, as metrics. Must not decide anything, and must cost next
//! to nothing: each count is one addition to a handle that was made at the start.

use access_domain::AuthenticationError;
use keys_core::Verdict;
use metrics::{Counter, counter};

/// Where a key was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShownAt {
    /// As the credential of a request. Whether its limit was spent is counted by itself.
    Caller,
    /// At `/v1/auth`.
    ForwardAuth,
    /// At `/v1/keys/verify` and its batch.
    Verify,
}

impl ShownAt {
    const ALL: [Self; 3] = [Self::Caller, Self::ForwardAuth, Self::Verify];

    fn as_str(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::ForwardAuth => "forward_auth",
            Self::Verify => "verify",
        }
    }
}

/// Counts what became of keys.
pub struct Outcomes {
    verifications: Vec<(ShownAt, Verdict, Counter)>,
    unknown_keys: Counter,
}

impl Default for Outcomes {
    fn default() -> Self {
        let pairs = ShownAt::ALL.into_iter().flat_map(|at| Verdict::ALL.map(|code| (at, code)));
        let handle = |(at, code): (ShownAt, Verdict)| {
            let labels = [("at", at.as_str()), ("code", code.as_str())];
            (at, code, counter!("keywright_verifications_total", &labels))
        };
        Self {
            verifications: pairs.map(handle).collect(),
            unknown_keys: counter!("keywright_unknown_keys_total"),
        }
    }
}

impl Outcomes {
    /// A key was judged.
    pub fn count(&self, at: ShownAt, code: Verdict) {
        let mut counters = self.verifications.iter();
        if let Some((.., counter)) = counters.find(|(its_at, its, _)| (*its_at, *its) == (at, code))
        {
            counter.increment(1);
        }
    }

    /// A text was shown that is nobody's key. All of them are one count: who guesses must not make
    /// anything grow.
    pub fn count_unknown(&self) {
        self.unknown_keys.increment(1);
    }

    /// A key was turned away for this reason.
    pub fn count_refused(&self, at: ShownAt, why: &AuthenticationError) {
        let code = match why {
            AuthenticationError::Key(denial) => Verdict::Denied(*denial),
            // Another organization's key is one that this organization has not.
            AuthenticationError::Invalid
            | AuthenticationError::OrganizationMismatch
            | AuthenticationError::OrganizationHidden
            | AuthenticationError::OrganizationRequired => Verdict::NotFound,
            // Nothing was found out about the key.
            AuthenticationError::Missing
            | AuthenticationError::CsrfTokenRequired
            | AuthenticationError::Store(_) => return,
        };
        self.count(at, code);
    }
}
