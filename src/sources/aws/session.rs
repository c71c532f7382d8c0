//! The configuration that all calls to AWS share.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_config::identity::IdentityCache;
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::service_config::ServiceConfigKey;
use tokio::sync::OnceCell;

use super::error::CredentialsOf;
use super::http_client::AwsHttpClient;
use super::role::{AssumedRole, Role};
use super::{AwsSpend, CallDescription, Service, trust};
use crate::disk::Disk;
use crate::sources::{Reason, SourceError, SourceLocation};

/// How long connecting may take: three SYN packets, as the AWS SDKs have it.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(3_100);

/// The variable that names a file of certificates to trust instead of the machine's own.
const CA_BUNDLE: &str = "AWS_CA_BUNDLE";

/// Where and as whom AWS is asked. What is absent comes from the default chain of the AWS SDKs.
#[derive(Clone, Debug)]
pub struct AwsConfig {
    /// The region.
    pub region: Option<String>,
    /// The profile in the shared configuration files.
    pub profile: Option<String>,
    /// The address of all services, in place of AWS's own. Wins over `AWS_ENDPOINT_URL` and its per-service forms.
    pub endpoint_url: Option<String>,
    /// Credentials that are known already, such as those of the simulated cloud.
    pub credentials: Option<FixedCredentials>,
    /// How long one attempt of a call may take.
    pub attempt_timeout: Duration,
    /// How often a call is tried before it fails.
    pub max_attempts: u32,
}

impl Default for AwsConfig {
    fn default() -> Self {
        Self {
            region: None,
            profile: None,
            endpoint_url: None,
            credentials: None,
            attempt_timeout: Duration::from_secs(10),
            max_attempts: 3,
        }
    }
}

/// An access key and its secret.
#[derive(Clone)]
pub struct FixedCredentials {
    /// The access key's id.
    pub access_key_id: String,
    /// The secret.
    pub secret_access_key: String,
}

impl fmt::Debug for FixedCredentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("FixedCredentials")
            .field("access_key_id", &self.access_key_id)
            .finish_non_exhaustive()
    }
}

/// One way to AWS: as whom, and in which region. Shared by all sources that use it; clones are the same one.
#[derive(Clone, Debug)]
pub struct Aws(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    chain: Arc<Chain>,
    /// The role that is taken on; without one the chain's own credentials serve.
    role: Option<Arc<AssumedRole>>,
    /// The account that is looked at from the one of the chain's own credentials, to which it is linked.
    linked: Option<Arc<str>>,
    /// In place of the chain's region.
    region: Option<Arc<str>>,
    /// How it is called, where there are several.
    name: Option<Arc<str>>,
    /// The account of the chain's own credentials, once something has told it.
    account_id: OnceLock<Arc<str>>,
    session: OnceCell<Session>,
}

/// What the chain of the AWS SDKs says, read once for all that stand on it.
#[derive(Debug)]
struct Chain {
    settings: AwsConfig,
    spend: AwsSpend,
    disk: Disk,
    config: OnceCell<SdkConfig>,
}

impl Aws {
    /// Reads nothing yet: the chain is asked on the first call.
    #[must_use]
    pub fn new(settings: AwsConfig) -> Self {
        let chain = Chain {
            settings,
            spend: AwsSpend::default(),
            disk: Disk::default(),
            config: OnceCell::new(),
        };
        Self(Arc::new(Shared {
            chain: Arc::new(chain),
            role: None,
            linked: None,
            region: None,
            name: None,
            account_id: OnceLock::new(),
            session: OnceCell::new(),
        }))
    }

    /// Another way on the same chain.
    fn but(&self, change: impl FnOnce(&mut Shared)) -> Self {
        let Shared {
            chain,
            role,
            linked,
            region,
            name,
            ..
        } = &*self.0;
        let mut shared = Shared {
            chain: chain.clone(),
            role: role.clone(),
            linked: linked.clone(),
            region: region.clone(),
            name: name.clone(),
            account_id: OnceLock::new(),
            session: OnceCell::new(),
        };
        change(&mut shared);
        Self(Arc::new(shared))
    }

    /// The same in another account: with the credentials of a role there, which are fetched and renewed as they are needed.
    #[must_use]
    pub fn assuming(&self, role: Role) -> Self {
        self.but(|other| other.role = Some(Arc::new(AssumedRole::new(role))))
    }

    /// The same, looking at another account that is linked to the one of the credentials: what they may read of it there.
    #[must_use]
    pub(super) fn observing(&self, account_id: &str) -> Self {
        self.but(|other| other.linked = Some(account_id.into()))
    }

    /// The linked account that is looked at; absent where it is the one of the credentials.
    #[must_use]
    pub fn linked(&self) -> Option<&str> {
        self.0.linked.as_deref()
    }

    /// The same in another region, with the same credentials.
    #[must_use]
    pub fn in_region(&self, region: &str) -> Self {
        self.but(|other| other.region = Some(region.into()))
    }

    /// The same under a name, by which it is told from the others.
    pub(super) fn named(&self, name: &str) -> Self {
        self.but(|other| other.name = Some(name.into()))
    }

    /// Whether it leads to another account, by a role.
    #[must_use]
    pub fn assumes_role(&self) -> bool {
        self.0.role.is_some()
    }

    /// How it is called, where there are several.
    #[must_use]
    pub fn name(&self) -> Option<Arc<str>> {
        self.0.name.clone()
    }

    /// The count of what the calls cost, together for all that stand on the same chain.
    #[must_use]
    pub fn spend(&self) -> AwsSpend {
        self.0.chain.spend.clone()
    }

    /// Runs the read of the certificates.
    #[must_use]
    pub fn disk(&self) -> &Disk {
        &self.0.chain.disk
    }

    /// The account and region, as far as they are known by now.
    #[must_use]
    pub fn site(&self) -> SourceLocation {
        let Shared {
            chain,
            role,
            linked,
            region,
            account_id,
            session,
            ..
        } = &*self.0;
        let role = role.as_ref().and_then(|one| one.role.account_id());
        let loaded = session.get().map(|session| session.region.clone());
        let configured = || chain.settings.region.as_deref().map(Arc::from);
        SourceLocation {
            account_id: role
                .map(Arc::from)
                .or_else(|| linked.clone())
                .or_else(|| account_id.get().cloned()),
            region: loaded.or_else(|| region.clone()).or_else(configured),
        }
    }

    /// Notes which account the credentials are of, where an answer has told it.
    pub(in crate::sources) fn record_account(&self, account_id: &Arc<str>) {
        // Nothing is lost where it is known already.
        let _ = self.0.account_id.set(Arc::clone(account_id));
    }

    /// The configuration, read from the chain until that succeeds once.
    pub(in crate::sources) async fn session(&self) -> Result<&Session, SourceError> {
        self.0
            .session
            .get_or_try_init(|| Session::load(&self.0))
            .await
    }
}

impl Chain {
    async fn config(&self) -> Result<&SdkConfig, SourceError> {
        self.config
            .get_or_try_init(|| load(&self.settings, &self.disk))
            .await
    }
}

/// A client that trusts the certificates of the bundle or of this machine, which are read on the disk.
async fn http_client(
    bundle: Option<PathBuf>,
    deadline: Duration,
    disk: &Disk,
) -> Result<SharedHttpClient, SourceError> {
    let what = match &bundle {
        Some(path) => format!("read of the CA bundle {}", path.display()),
        None => "read of the certificates of this machine".to_owned(),
    };
    let build = move || {
        let context = trust::context(bundle.as_deref())?;
        let client = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .tls_context(context)
            .build_https();
        Ok(client)
    };
    disk.run(what, deadline, build)
        .await
        .unwrap_or_else(|error| {
            let remedy = "check the disk, or unset AWS_CA_BUNDLE";
            Err(SourceError::new(Reason::Connect, error.to_string(), remedy))
        })
}

async fn load(settings: &AwsConfig, disk: &Disk) -> Result<SdkConfig, SourceError> {
    let bundle = std::env::var_os(CA_BUNDLE)
        .filter(|path| !path.is_empty())
        .map(PathBuf::from);
    let http_client = http_client(bundle, settings.attempt_timeout, disk).await?;
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(AwsHttpClient(http_client))
        .retry_config(RetryConfig::standard().with_max_attempts(settings.max_attempts.max(1)))
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(CONNECT_TIMEOUT.min(settings.attempt_timeout))
                .operation_attempt_timeout(settings.attempt_timeout)
                .build(),
        );
    // No longer than a call waits for them.
    let credentials = IdentityCache::lazy().load_timeout(settings.attempt_timeout);
    loader = loader.identity_cache(credentials.build());
    if let Ok(name) = AppName::new("breakeven") {
        loader = loader.app_name(name);
    }
    if let Some(region) = &settings.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(profile) = &settings.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(url) = &settings.endpoint_url {
        loader = loader.endpoint_url(url);
    }
    if let Some(fixed) = &settings.credentials {
        loader = loader.credentials_provider(Credentials::new(
            &fixed.access_key_id,
            &fixed.secret_access_key,
            None,
            None,
            "configuration",
        ));
    }
    Ok(loader.load().await)
}

/// How AWS is asked, with all that is known of it.
#[derive(Debug)]
pub(in crate::sources) struct Session {
    pub(in crate::sources) config: SdkConfig,
    pub(in crate::sources) region: Arc<str>,
    pub(in crate::sources) spend: AwsSpend,
    /// Whose credentials they are.
    credentials: CredentialsOf,
}

impl Session {
    async fn load(shared: &Shared) -> Result<Self, SourceError> {
        let chain = &shared.chain;
        let base = chain.config().await?;
        let own = base.region().map(ToString::to_string);
        let region = shared.region.as_deref().or(own.as_deref());
        let region: Arc<str> = region.ok_or_else(no_region)?.into();
        let there = Region::new(region.to_string());
        let mut config = base.to_builder().region(there.clone());
        let credentials = match &shared.role {
            Some(assumed) => {
                // STS is asked in the chain's own region, which is enabled for every account that it reaches.
                let home = base.region().cloned().unwrap_or(there);
                config = config
                    .credentials_provider(assumed.credentials(base, &chain.spend, home).await);
                CredentialsOf::Role(assumed.role.clone())
            }
            None if chain.settings.credentials.is_some() => CredentialsOf::Configuration,
            None => CredentialsOf::Chain,
        };
        Ok(Self {
            config: config.build(),
            region,
            spend: chain.spend.clone(),
            credentials,
        })
    }

    /// The call of an action of a service, for the text of its failure.
    pub(in crate::sources) fn attempting(
        &self,
        service: Service,
        action: &'static str,
    ) -> CallDescription {
        CallDescription {
            action,
            region: self.region.clone(),
            endpoint: self.endpoint(service).into(),
            credentials: self.credentials.clone(),
        }
    }

    /// Where a service is reached: as configured for it, as configured for all, or at AWS.
    pub(super) fn endpoint(&self, service: Service) -> String {
        if self.config.get_origin("endpoint_url").is_client_config()
            && let Some(url) = self.config.endpoint_url()
        {
            return url.to_owned();
        }
        let key = ServiceConfigKey::builder()
            .service_id(service.id)
            .env("AWS_ENDPOINT_URL")
            .profile("endpoint_url")
            .build();
        key.ok()
            .and_then(|key| self.config.service_config()?.load_config(key))
            .or_else(|| self.config.endpoint_url().map(str::to_owned))
            .unwrap_or_else(|| {
                let fips = self.config.use_fips().unwrap_or_default();
                let dual_stack = self.config.use_dual_stack().unwrap_or_default();
                public_endpoint(service.host, &self.region, fips, dual_stack)
            })
    }
}

/// Where AWS itself serves a regional service.
/// <https://docs.aws.amazon.com/general/latest/gr/rande.html>
fn public_endpoint(host_prefix: &str, region: &str, fips: bool, dual_stack: bool) -> String {
    // Partition by region: prefix, suffix, suffix of hosts that answer on IPv6 too.
    const PARTITIONS: [(&str, &str, &str); 6] = [
        ("cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"),
        ("us-isob-", "sc2s.sgov.gov", "api.aws.scloud"),
        ("us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov"),
        ("us-iso-", "c2s.ic.gov", "api.aws.ic.gov"),
        ("eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
        ("eusc-", "amazonaws.eu", "api.amazonwebservices.eu"),
    ];
    let (suffix, dual) = PARTITIONS
        .into_iter()
        .find(|(prefix, ..)| region.starts_with(prefix))
        .map_or(("amazonaws.com", "api.aws"), |(_, suffix, dual)| {
            (suffix, dual)
        });
    let suffix = if dual_stack { dual } else { suffix };
    let host = if fips {
        Cow::from(format!("{host_prefix}-fips"))
    } else {
        Cow::from(host_prefix)
    };
    format!("https://{host}.{region}.{suffix}")
}

fn no_region() -> SourceError {
    SourceError::new(
        Reason::InvalidRequest,
        "no AWS region is known: neither the configuration, AWS_REGION, AWS_DEFAULT_REGION, the profile \
         nor instance metadata names one",
        "set `aws.region` or `aws.regions` in the configuration, or AWS_REGION",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_partition_has_its_own_hosts() {
        for (region, fips, dual_stack, expected) in [
            (
                "us-east-1",
                false,
                false,
                "https://lambda.us-east-1.amazonaws.com",
            ),
            (
                "us-gov-west-1",
                true,
                false,
                "https://lambda-fips.us-gov-west-1.amazonaws.com",
            ),
            ("eu-west-1", false, true, "https://lambda.eu-west-1.api.aws"),
            (
                "cn-north-1",
                false,
                false,
                "https://lambda.cn-north-1.amazonaws.com.cn",
            ),
            (
                "us-isob-east-1",
                false,
                false,
                "https://lambda.us-isob-east-1.sc2s.sgov.gov",
            ),
            (
                "us-iso-east-1",
                false,
                false,
                "https://lambda.us-iso-east-1.c2s.ic.gov",
            ),
        ] {
            assert_eq!(
                public_endpoint("lambda", region, fips, dual_stack),
                expected
            );
        }
    }

    #[test]
    fn a_secret_is_never_shown() {
        let credentials = FixedCredentials {
            access_key_id: "AKID".into(),
            secret_access_key: "hidden".into(),
        };
        assert!(!format!("{credentials:?}").contains("hidden"));
    }

    #[tokio::test]
    async fn an_endpoint_in_the_settings_serves_every_service() {
        let aws = Aws::new(AwsConfig {
            region: Some("eu-west-1".into()),
            endpoint_url: Some("http://127.0.0.1:9/aws".into()),
            credentials: Some(FixedCredentials {
                access_key_id: "AKID".into(),
                secret_access_key: "hidden".into(),
            }),
            ..AwsConfig::default()
        });
        let session = aws.session().await.unwrap();
        assert_eq!(
            session.endpoint(Service {
                id: "Lambda",
                host: "lambda"
            }),
            "http://127.0.0.1:9/aws"
        );
        assert_eq!(&*session.region, "eu-west-1");
    }
}
