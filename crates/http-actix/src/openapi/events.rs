//! The part `webhooks` of the document: what receivers are sent, by the type of the event.

use access_domain::EventType;
use api_types::{
    EventBody, ExecutionEndedData, KeyChangedData, KeyExpiredData, KeyExpiringData,
    KeyLimitReachedData, KeyRevokedData, MemberInvitedData, WebhookDisabledData, WebhookTestData,
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Content, Object, OpenApi, Ref, RefOr, Required, ResponseBuilder, Type,
        path::{HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn, PathItem, Paths},
        request_body::RequestBodyBuilder,
    },
};

/// Describes every type of events.
pub(super) fn describe(document: &mut OpenApi) {
    let mut told = Paths::new();
    for kind in EventType::ALL {
        let schema = match kind {
            EventType::KeyCreated | EventType::KeyRotated => of::<KeyChangedData>(document),
            EventType::KeyRevoked => of::<KeyRevokedData>(document),
            EventType::KeyExpiring => of::<KeyExpiringData>(document),
            EventType::KeyExpired => of::<KeyExpiredData>(document),
            EventType::KeyLimitReached => of::<KeyLimitReachedData>(document),
            EventType::ExecutionCompleted | EventType::ExecutionFailed => {
                of::<ExecutionEndedData>(document)
            }
            EventType::MemberInvited => of::<MemberInvitedData>(document),
            EventType::WebhookDisabled => of::<WebhookDisabledData>(document),
            EventType::WebhookTest => of::<WebhookTestData>(document),
        };
        told.paths.insert(kind.as_str().into(), item(kind, schema));
    }
    document.webhooks = Some(told);
}

/// The name of the schema of a body, which the document has afterwards.
fn of<T: ToSchema + PartialSchema>(document: &mut OpenApi) -> String {
    let components = document.components.get_or_insert_default();
    let mut schemas = Vec::new();
    <EventBody<T> as ToSchema>::schemas(&mut schemas);
    let name = format!("EventBody_{}", T::name());
    schemas.push((name.clone(), EventBody::<T>::schema()));
    schemas.push((T::name().into_owned(), T::schema()));
    components.schemas.extend(schemas);
    name
}

fn item(kind: EventType, schema: String) -> PathItem {
    let content = Content::new(Some(RefOr::Ref(Ref::from_schema_name(schema))));
    let body = RequestBodyBuilder::new()
        .content("application/json", content)
        .required(Some(Required::True))
        .build();
    let header = |name: &str, description: &str| {
        ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Header)
            .required(Required::True)
            .description(Some(description))
            .schema(Some(Object::with_type(Type::String)))
            .build()
    };
    let taken = ResponseBuilder::new()
        .description("Any status from 200 to 299: it arrived, and is not sent again.")
        .build();
    let signed = "`v1,` and a signature by Standard Webhooks; several, with spaces between them, while a \
                  secret is rotated.";
    let operation = OperationBuilder::new()
        .tag("events")
        .operation_id(Some(kind.as_str().replace('.', "_")))
        .summary(Some(kind.as_str()))
        .description(Some(description(kind)))
        .parameter(header("webhook-id", "The event: the same at each attempt."))
        .parameter(header("webhook-timestamp", "When it was sent, in seconds since 1970."))
        .parameter(header("webhook-signature", signed))
        .request_body(Some(body))
        .response("2XX", taken)
        .build();
    PathItem::new(HttpMethod::Post, operation)
}

fn description(kind: EventType) -> &'static str {
    match kind {
        EventType::KeyCreated => "A key was made or imported.",
        EventType::KeyRotated => "A key got a new secret.",
        EventType::KeyRevoked => "A key was revoked or deleted, and opens nothing any more.",
        EventType::KeyExpiring => {
            "A key expires soon: told so many days before as the organization settles (`notice_days`)."
        }
        EventType::KeyExpired => "A key has expired, and opens nothing any more.",
        EventType::KeyLimitReached => {
            "A call was refused by the key's own rate limit; told once an hour at most."
        }
        EventType::ExecutionCompleted => "An execution has a result.",
        EventType::ExecutionFailed => "An execution failed.",
        EventType::MemberInvited => "Somebody was invited to the organization.",
        EventType::WebhookDisabled => "A webhook was switched off by the server.",
        EventType::WebhookTest => {
            "Somebody tries this webhook out. It comes without being subscribed to."
        }
    }
}
