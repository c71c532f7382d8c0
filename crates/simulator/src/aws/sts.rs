//! STS: who the caller is, and the credentials of roles, in the Query protocol.

use bytes::Bytes;
use http::{Response, StatusCode};
use jiff::{SignedDuration, Timestamp};

use super::error::AwsError;
use super::identity::{Caller, Session, role_of};
use super::pagination_token::hexadecimal;
use super::protocol::{Wire, escape_xml};
use crate::query_string;
use crate::world::World;

/// How long a session lasts (AssumeRole, `DurationSeconds`): default, and what may be asked for.
const SESSION_SECONDS: u32 = 3_600;
const SESSION_SECONDS_ALLOWED: std::ops::RangeInclusive<u32> = 900..=43_200;

/// An action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    GetCallerIdentity,
    AssumeRole,
    /// Not signed: the token is the proof.
    AssumeRoleWithWebIdentity,
}

impl Action {
    pub(super) fn parse(name: &str) -> Option<Self> {
        let all = [
            Self::GetCallerIdentity,
            Self::AssumeRole,
            Self::AssumeRoleWithWebIdentity,
        ];
        all.into_iter().find(|action| action.name() == name)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::GetCallerIdentity => "GetCallerIdentity",
            Self::AssumeRole => "AssumeRole",
            Self::AssumeRoleWithWebIdentity => "AssumeRoleWithWebIdentity",
        }
    }

    pub(super) fn is_signed(self) -> bool {
        self != Self::AssumeRoleWithWebIdentity
    }
}

/// Answers a call with this form as its body, at `now` by the wall's clock.
pub(super) fn respond(
    world: &World,
    caller: &Caller,
    action: Action,
    body: &str,
    now: Timestamp,
) -> Result<Response<Bytes>, AwsError> {
    let result = match action {
        Action::GetCallerIdentity => identity(caller),
        Action::AssumeRole | Action::AssumeRoleWithWebIdentity => {
            let session = assume(world, caller, action, body, now)?;
            credentials(world, &session, action)
        }
    };
    let name = action.name();
    let body = format!(
        "<{name}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  <{name}Result>\n\
         {result}  </{name}Result>\n  <ResponseMetadata>\n    <RequestId>{}</RequestId>\n  \
         </ResponseMetadata>\n</{name}Response>\n",
        super::NO_REQUEST_ID,
    );
    Ok(Wire::Query.response(StatusCode::OK, body.into()))
}

fn identity(caller: &Caller) -> String {
    [
        element("Arn", &caller.arn()),
        element("UserId", &caller.user_id()),
        element("Account", &caller.account),
    ]
    .concat()
}

/// The session of a role, where its account lets the caller have it.
fn assume(
    world: &World,
    caller: &Caller,
    action: Action,
    body: &str,
    now: Timestamp,
) -> Result<Session, AwsError> {
    let given = |name: &str| {
        query_string::parameters(body)
            .find(|(key, value)| key == name && !value.is_empty())
            .map(|(_, value)| value)
    };
    let required = |name: &str| {
        given(name).ok_or_else(|| {
            AwsError::validation(format!(
                "1 validation error detected: Value null at '{name}' failed to satisfy constraint: \
                 Member must not be null"
            ))
        })
    };
    let arn = required("RoleArn")?;
    let name = required("RoleSessionName")?;
    if name.contains(['/', '.', ' ']) {
        return Err(AwsError::validation(format!(
            "1 validation error detected: Value '{name}' at 'roleSessionName' failed to satisfy \
             constraint: Member must satisfy regular expression pattern: [\\w+=,@-]*"
        )));
    }
    let seconds = match given("DurationSeconds") {
        None => SESSION_SECONDS,
        Some(text) => (text.parse().ok())
            .filter(|seconds| SESSION_SECONDS_ALLOWED.contains(seconds))
            .ok_or_else(|| {
                AwsError::validation(format!(
                    "1 validation error detected: Value '{text}' at 'durationSeconds' failed to \
                     satisfy constraint: Member must have value between 900 and 43200"
                ))
            })?,
    };
    if !action.is_signed() {
        required("WebIdentityToken")?;
    }
    let denied = || {
        AwsError::new(
            StatusCode::FORBIDDEN,
            "AccessDenied",
            format!(
                "User: {} is not authorized to perform: sts:{} on resource: {arn}",
                caller.arn(),
                action.name(),
            ),
        )
    };
    let (account, role) = role_of(&arn).ok_or_else(denied)?;
    let listed = world
        .spec
        .accounts
        .iter()
        .find(|listed| listed.id == account);
    let (trusted, seconds) = match listed {
        // A service account of the cluster has a role in the cluster's own account.
        None => (
            account == world.spec.account_id && !action.is_signed(),
            world.spec.session_seconds.unwrap_or(seconds),
        ),
        Some(listed) => (
            listed.role == role
                && (listed.external_id.is_none() || listed.external_id == given("ExternalId")),
            listed.session_seconds.unwrap_or(seconds),
        ),
    };
    if !trusted {
        return Err(denied());
    }
    let length = SignedDuration::from_secs(seconds.into());
    Ok(Session {
        account: account.to_owned(),
        role: role.to_owned(),
        name,
        expires: now.checked_add(length).unwrap_or(Timestamp::MAX),
    })
}

fn credentials(world: &World, session: &Session, action: Action) -> String {
    let secret = world.hex_of("secret", &session.id());
    let expires = session.expires.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let inner = |text: String| format!("    {}", text.replace("\n    ", "\n      "));
    let user = [
        element("AssumedRoleId", &session.id()),
        element("Arn", &session.arn()),
    ];
    let credentials = [
        element("AccessKeyId", &session.access_key(world)),
        element("SecretAccessKey", &secret[..40]),
        element("SessionToken", &session.to_token(world)),
        element("Expiration", &expires),
    ];
    let workload = match action {
        Action::AssumeRoleWithWebIdentity => {
            let id = hexadecimal(session.name.as_bytes());
            element("SubjectFromWebIdentityToken", &id)
        }
        _ => String::new(),
    };
    format!(
        "    <AssumedRoleUser>\n{}    </AssumedRoleUser>\n    <Credentials>\n{}    </Credentials>\n\
         {workload}",
        user.map(inner).concat(),
        credentials.map(inner).concat(),
    )
}

fn element(name: &str, text: &str) -> String {
    format!("    <{name}>{}</{name}>\n", escape_xml(text))
}

#[cfg(test)]
mod tests {
    use http::Request;
    use http::header::AUTHORIZATION;

    use super::*;

    const ROLE: &str = "RoleArn=arn%3Aaws%3Aiam%3A%3A111111111111%3Arole%2Fteams%2Freader";

    fn world() -> World {
        World::from_yaml(
            "{name: w, session_seconds: 7, accounts: [{id: '111111111111', role: reader, \
             external_id: x-1, session_seconds: 5}]}",
        )
        .unwrap()
    }

    fn now() -> Timestamp {
        "2026-03-03T12:00:00Z".parse().unwrap()
    }

    fn asked(action: Action, body: &str) -> Result<String, AwsError> {
        let request = Request::post("/aws").body(Bytes::new()).unwrap();
        let (world, caller) = (world(), Caller::from_request(&world(), &request));
        let response = respond(&world, &caller, action, body, now())?;
        Ok(String::from_utf8(response.into_body().to_vec()).unwrap())
    }

    fn between<'t>(text: &'t str, tag: &str) -> &'t str {
        let (_, rest) = text.split_once(&format!("<{tag}>")).unwrap();
        rest.split_once('<').unwrap().0
    }

    #[test]
    fn a_role_is_given_to_who_knows_its_external_id() {
        let good = format!("{ROLE}&RoleSessionName=me&ExternalId=x-1");
        let text = asked(Action::AssumeRole, &good).unwrap();
        assert_eq!(
            between(&text, "Arn"),
            "arn:aws:sts::111111111111:assumed-role/reader/me"
        );
        assert_eq!(between(&text, "Expiration"), "2026-03-03T12:00:05Z");
        for bad in [
            format!("{ROLE}&RoleSessionName=me&ExternalId=x-2"),
            format!("{ROLE}&RoleSessionName=me"),
            good.replace("111111111111", "222222222222"),
            good.replace("reader", "writer"),
            good.replace("arn%3A", ""),
        ] {
            let error = asked(Action::AssumeRole, &bad).unwrap_err();
            assert_eq!(
                (error.status, error.code),
                (StatusCode::FORBIDDEN, "AccessDenied")
            );
            assert!(
                error.message.contains("sts:AssumeRole on resource: "),
                "{bad}"
            );
        }
        for (bad, named) in [
            ("RoleSessionName=me".to_owned(), "'RoleArn'"),
            (ROLE.to_owned(), "'RoleSessionName'"),
            (format!("{good}&DurationSeconds=60"), "'durationSeconds'"),
            (good.replace("=me", "=m%2Fe"), "'roleSessionName'"),
        ] {
            let error = asked(Action::AssumeRole, &bad).unwrap_err();
            assert!(error.message.contains(named), "{}", error.message);
        }
    }

    #[test]
    fn a_service_account_has_a_role_of_the_worlds_own_account() {
        let body = "RoleArn=arn:aws:iam::123456789012:role/any&RoleSessionName=pod";
        let action = Action::AssumeRoleWithWebIdentity;
        let text = asked(action, &format!("{body}&WebIdentityToken=jwt")).unwrap();
        assert_eq!(
            between(&text, "Arn"),
            "arn:aws:sts::123456789012:assumed-role/any/pod"
        );
        assert_eq!(between(&text, "Expiration"), "2026-03-03T12:00:07Z");
        assert!(
            asked(action, body)
                .unwrap_err()
                .message
                .contains("'WebIdentityToken'")
        );
        assert!(asked(Action::AssumeRole, body).is_err());
    }

    #[test]
    fn the_credentials_of_a_role_are_good_together_and_for_their_time() {
        let (world, body) = (world(), format!("{ROLE}&RoleSessionName=me&ExternalId=x-1"));
        let text = asked(Action::AssumeRole, &body).unwrap();
        let (key, token) = (
            between(&text, "AccessKeyId"),
            between(&text, "SessionToken"),
        );
        let call = |key: &str, token: Option<&str>, seconds: i64| {
            let header = format!(
                "AWS4-HMAC-SHA256 Credential={key}/20260301/eu-west-1/lambda/aws4_request, \
                 SignedHeaders=host, Signature={}",
                "0".repeat(64)
            );
            let mut headers = http::HeaderMap::new();
            headers.insert(AUTHORIZATION, header.parse().unwrap());
            headers.insert("x-amz-date", "20260301T000000Z".parse().unwrap());
            if let Some(token) = token {
                headers.insert("x-amz-security-token", token.parse().unwrap());
            }
            let at = now()
                .checked_add(SignedDuration::from_secs(seconds))
                .unwrap();
            Caller::from_signed_request(&world, &headers, "lambda", at)
        };
        let caller = call(key, Some(token), 4).unwrap();
        assert_eq!(
            (&*caller.account, &*caller.region),
            ("111111111111", "eu-west-1")
        );
        assert_eq!(
            call(key, Some(token), 5).unwrap_err(),
            AwsError::expired_token()
        );
        for (key, token) in [(key, None), (key, Some("other")), ("AKID", Some(token))] {
            let error = call(key, token, 0).unwrap_err();
            assert_eq!(error.code, "UnrecognizedClientException", "{key} {token:?}");
        }
        assert_eq!(
            call("AKID", Some("any"), 0).unwrap().account,
            "123456789012"
        );
    }
}
