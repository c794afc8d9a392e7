//! Who looks at a page or sends a form, as handlers take it: `Visitor<ManageWorkflows>` in a signature is the whole of
//! authentication and authorization, by the same permissions as at the REST edge. Pages are for people: a key opens none.

use std::{future::Future, pin::Pin};

use access_domain::{
    Granted, Membership, Principal, ReadOrganization, SessionRecord, principal_of_session,
};
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, dev::Payload};
use auth_actix::{
    ApiError, FromCall, PersonAtWork, grant, has_session, requested_organization,
    session_of_request,
};

use crate::{
    typed::{KEPT_BYTES, LARGE_BYTES, Typed},
    viewer::{Place, Viewer},
};

/// Somebody who looks at a page of an organization, and may.
pub(crate) struct Visitor<P> {
    /// The proof, for use cases.
    pub(crate) granted: Granted<P>,
    /// For the frame of the page.
    pub(crate) viewer: Viewer,
    /// Their place in this organization.
    pub(crate) place: Place,
    /// What stands behind the question mark of the address.
    pub(crate) query: Typed,
    request: HttpRequest,
    who: Principal,
}

/// Somebody who sends a form, and may.
pub(crate) struct Sender<P> {
    /// Who it is.
    pub(crate) visitor: Visitor<P>,
    /// What they sent.
    pub(crate) typed: Typed,
}

/// Somebody who looks at what is theirs, in whichever organization.
pub(crate) struct Person {
    /// Their session.
    pub(crate) record: SessionRecord,
    /// For the frame of the page.
    pub(crate) viewer: Viewer,
    /// What stands behind the question mark of the address.
    pub(crate) query: Typed,
}

/// The same, who sends a form.
pub(crate) struct PersonSends {
    /// Who it is.
    pub(crate) person: Person,
    /// What they sent.
    pub(crate) typed: Typed,
}

impl<P> Visitor<P> {
    /// The proof that they may do something else as well.
    ///
    /// # Errors
    /// When they may not, which is noted as a refusal: of what they are not offered, ask [`Place::is_admin`].
    pub(crate) fn also<Q: FromCall>(&self) -> Result<Granted<Q>, ApiError> {
        grant(&self.request, self.who.clone())
    }

    /// The proof that they may list the organization's members, if they may.
    ///
    /// # Errors
    /// As [`Self::also`].
    pub(crate) fn reads_members(&self) -> Result<Option<Granted<ReadOrganization>>, ApiError> {
        if self.place.is_admin() { self.also().map(Some) } else { Ok(None) }
    }

    /// The request itself.
    pub(crate) fn request(&self) -> &HttpRequest {
        &self.request
    }
}

type Extracting<T> = Pin<Box<dyn Future<Output = Result<T, ApiError>>>>;

impl<P: FromCall + 'static> FromRequest for Visitor<P> {
    type Error = ApiError;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { visitor(request, None).await })
    }
}

impl<P: FromCall + 'static> FromRequest for Sender<P> {
    type Error = ApiError;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let typed = read(&request, &mut payload).await?;
            let visitor = visitor(request.clone(), Some(&typed)).await;
            let visitor = visitor.inspect_err(|_| keep(&request, &typed))?;
            Ok(Self { visitor, typed })
        })
    }
}

impl FromRequest for Person {
    type Error = ApiError;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { person(&request, None).await })
    }
}

impl FromRequest for PersonSends {
    type Error = ApiError;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let typed = read(&request, &mut payload).await?;
            let person = person(&request, Some(&typed)).await?;
            Ok(Self { person, typed })
        })
    }
}

/// What somebody sends. Of those without a session little is read, and only so that it is not lost to those whose session has just ended.
async fn read(request: &HttpRequest, payload: &mut Payload) -> Result<Typed, ApiError> {
    match has_session(request).await {
        Ok(()) => Typed::read(request, payload, LARGE_BYTES).await,
        Err(refused) => {
            if let Ok(typed) = Typed::read(request, payload, KEPT_BYTES).await {
                request.extensions_mut().insert(typed);
            }
            Err(refused)
        }
    }
}

/// What was typed goes to the page of the refusal, since nothing of it can be had back otherwise.
fn keep(request: &HttpRequest, typed: &Typed) {
    request.extensions_mut().insert(typed.clone());
}

async fn visitor<P: FromCall>(
    request: HttpRequest,
    sent: Option<&Typed>,
) -> Result<Visitor<P>, ApiError> {
    let Person { record, viewer, query } = person(&request, sent).await?;
    let requested = requested_organization(&request);
    let who = principal_of_session(&record, &requested)?;
    let here = who.organization().id;
    let place = viewer.organizations.iter().find(|place| place.id == here).cloned();
    let place = place.ok_or_else(ApiError::not_found)?;
    let viewer = Viewer { here: Some(place.clone()), ..viewer };
    // For the page of a refusal, which stands in the organization's frame too.
    request.extensions_mut().insert(viewer.clone());
    let granted = grant(&request, who.clone())?;
    Ok(Visitor { granted, viewer, place, query, request, who })
}

async fn person(request: &HttpRequest, sent: Option<&Typed>) -> Result<Person, ApiError> {
    let csrf = sent.map(|typed| typed.raw("csrf").to_owned());
    let PersonAtWork { record, csrf_token } = session_of_request(request, csrf).await?;
    let viewer = Viewer {
        username: record.user.username.as_str().to_owned(),
        csrf: csrf_token,
        here: None,
        organizations: record.memberships.iter().map(place_of).collect(),
    };
    request.extensions_mut().insert(viewer.clone());
    Ok(Person { record, viewer, query: Typed::query(request) })
}

pub(crate) fn place_of(membership: &Membership) -> Place {
    let Membership { organization, name, role } = membership;
    Place { id: organization.id, slug: organization.slug.clone(), name: name.clone(), role: *role }
}
