//! Who makes a call, and from which region: by its signature and its session token.

use http::{HeaderMap, Request, StatusCode};
use jiff::Timestamp;

use super::error::AwsError;
use super::scope::AccountRegion;
use super::{pagination_token, signature};
use crate::query_string;
use crate::world::World;

/// The user whose long-lived credentials every caller is taken to have.
const USER: &str = "simulated";
/// Their unique id.
const USER_ID: &str = "AIDASIMULATEDCALLERID";
/// How the access keys begin that STS gives out here.
const TEMPORARY_KEY: &str = "ASIASIM";
/// The header with the session token.
const SECURITY_TOKEN: &str = "x-amz-security-token";

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) account: String,
    /// The region that the request is signed for; empty where it is not signed.
    pub(crate) region: String,
    /// Absent for the user.
    session: Option<Session>,
}

/// A role that somebody has assumed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Session {
    pub(super) account: String,
    pub(super) role: String,
    pub(super) name: String,
    /// When it ends, by the wall's clock, which is what clients go by.
    pub(super) expires: Timestamp,
}

impl Caller {
    /// The caller of a request that is signed for `service`, at `now` by the wall's clock.
    pub(super) fn from_signed_request(
        world: &World,
        headers: &HeaderMap,
        service: &str,
        now: Timestamp,
    ) -> Result<Self, AwsError> {
        let scope = signature::check(headers, service)?;
        let unknown = || AwsError::unknown_credentials();
        let session = match security_token(headers).map(|text| Session::from_token(world, text)) {
            Some(Some(session)) => Some(session),
            _ if scope.key.starts_with(TEMPORARY_KEY) => return Err(unknown()),
            _ => None,
        };
        if let Some(session) = &session {
            if session.access_key(world) != scope.key {
                return Err(unknown());
            }
            if session.expires <= now {
                return Err(AwsError::expired_token());
            }
        }
        Ok(Self::in_region(world, scope.region, session))
    }

    /// The same as far as it can be told, for requests that are answered without being looked at.
    ///
    /// Of a request for the credentials of a role it is the account of the role that counts.
    pub(crate) fn from_request(world: &World, request: &Request<bytes::Bytes>) -> Self {
        let headers = request.headers();
        let session = security_token(headers).and_then(|text| Session::from_token(world, text));
        let scope = signature::scope(headers);
        let region = scope.map(|scope| scope.region).unwrap_or_default();
        let mut caller = Self::in_region(world, region, session);
        let body = std::str::from_utf8(request.body()).unwrap_or_default();
        let role = query_string::parameters(body).find(|(name, _)| name == "RoleArn");
        if let Some((account, _)) = role.as_ref().and_then(|(_, arn)| role_of(arn)) {
            caller.account = account.to_owned();
        }
        caller
    }

    fn in_region(world: &World, region: &str, session: Option<Session>) -> Self {
        let account = session.as_ref().map(|session| session.account.clone());
        Self {
            account: account.unwrap_or_else(|| world.spec.account_id.clone()),
            region: region.to_owned(),
            session,
        }
    }

    /// What the caller can see.
    pub(super) fn place<'w>(&'w self, world: &'w World) -> AccountRegion<'w> {
        AccountRegion {
            world,
            account: &self.account,
            region: &self.region,
        }
    }

    pub(super) fn arn(&self) -> String {
        match &self.session {
            None => format!("arn:aws:iam::{}:user/{USER}", self.account),
            Some(session) => session.arn(),
        }
    }

    pub(super) fn user_id(&self) -> String {
        match &self.session {
            None => USER_ID.to_owned(),
            Some(session) => session.id(),
        }
    }
}

impl Session {
    /// The ARN of who has assumed the role.
    pub(super) fn arn(&self) -> String {
        let Self {
            account,
            role,
            name,
            ..
        } = self;
        format!("arn:aws:sts::{account}:assumed-role/{role}/{name}")
    }

    /// The unique id of who has assumed the role.
    pub(super) fn id(&self) -> String {
        format!("AROASIMULATED{}:{}", self.account, self.name)
    }

    /// The access key that goes with the token.
    pub(super) fn access_key(&self, world: &World) -> String {
        let digits = world.hex_of("access-key", &self.fields()).to_uppercase();
        format!("{TEMPORARY_KEY}{}", &digits[..13])
    }

    /// The session token.
    pub(super) fn to_token(&self, world: &World) -> String {
        pagination_token::write(&self.fields(), &purpose(world))
    }

    fn from_token(world: &World, text: &str) -> Option<Self> {
        let fields = pagination_token::read(text, &purpose(world))?;
        let mut fields = fields.split('/');
        let mut next = || fields.next().map(str::to_owned);
        Some(Self {
            account: next()?,
            role: next()?,
            name: next()?,
            expires: Timestamp::from_second(next()?.parse().ok()?).ok()?,
        })
    }

    fn fields(&self) -> String {
        let Self {
            account,
            role,
            name,
            expires,
        } = self;
        format!("{account}/{role}/{name}/{}", expires.as_second())
    }
}

/// The account and the name of a role, by its ARN.
pub(super) fn role_of(arn: &str) -> Option<(&str, &str)> {
    let rest = arn.strip_prefix("arn:aws:iam::")?;
    let (account, path) = rest.split_once(":role/")?;
    let name = path.rsplit('/').next()?;
    (account.len() == 12 && !name.is_empty()).then_some((account, name))
}

fn purpose(world: &World) -> String {
    format!("session in {} {}", world.spec.name, world.spec.seed)
}

fn security_token(headers: &HeaderMap) -> Option<&str> {
    headers.get(SECURITY_TOKEN)?.to_str().ok()
}

impl AwsError {
    /// Credentials that nobody gave out.
    pub(super) fn unknown_credentials() -> Self {
        Self {
            query_code: "InvalidClientTokenId",
            ..Self::new(
                StatusCode::FORBIDDEN,
                "UnrecognizedClientException",
                "The security token included in the request is invalid.",
            )
        }
    }
}
