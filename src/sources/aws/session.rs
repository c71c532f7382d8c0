//! The configuration that all calls to AWS share.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::service_config::ServiceConfigKey;
use tokio::sync::OnceCell;

use super::{Attempted, AwsSpend, Service, trust};
use crate::sources::{Reason, SourceError};

/// How long connecting may take: three SYN packets, as the AWS SDKs have it.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(3_100);

/// The variable that names a file of certificates to trust instead of the machine's own.
const CA_BUNDLE: &str = "AWS_CA_BUNDLE";

/// Where and as whom AWS is asked. What is absent comes from the default chain of the AWS SDKs.
#[derive(Clone, Debug)]
pub struct Settings {
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

impl Default for Settings {
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

/// One way to AWS, shared by all sources that use it; clones are the same one.
#[derive(Clone, Debug)]
pub struct Aws(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    settings: Settings,
    spend: AwsSpend,
    session: OnceCell<Session>,
}

impl Aws {
    /// Reads nothing yet: the chain is asked on the first call.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self(Arc::new(Shared {
            settings,
            spend: AwsSpend::default(),
            session: OnceCell::new(),
        }))
    }

    /// The count of what the calls cost.
    #[must_use]
    pub fn spend(&self) -> AwsSpend {
        self.0.spend.clone()
    }

    /// The configuration, read from the chain until that succeeds once.
    pub(in crate::sources) async fn session(&self) -> Result<&Session, SourceError> {
        self.0
            .session
            .get_or_try_init(|| Session::load(&self.0.settings, self.spend()))
            .await
    }
}

/// What the chain said.
#[derive(Debug)]
pub(in crate::sources) struct Session {
    pub(in crate::sources) config: SdkConfig,
    pub(in crate::sources) region: Arc<str>,
    pub(in crate::sources) spend: AwsSpend,
    /// Whether the credentials were given and no chain is asked for them.
    fixed: bool,
}

impl Session {
    async fn load(settings: &Settings, spend: AwsSpend) -> Result<Self, SourceError> {
        let bundle = std::env::var_os(CA_BUNDLE)
            .filter(|path| !path.is_empty())
            .map(PathBuf::from);
        let http_client = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .tls_context(trust::context(bundle.as_deref())?)
            .build_https();
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http_client)
            .retry_config(RetryConfig::standard().with_max_attempts(settings.max_attempts.max(1)))
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(CONNECT_TIMEOUT.min(settings.attempt_timeout))
                    .operation_attempt_timeout(settings.attempt_timeout)
                    .build(),
            );
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
        let config = loader.load().await;
        let region = config.region().ok_or_else(no_region)?.to_string().into();
        Ok(Self {
            config,
            region,
            spend,
            fixed: settings.credentials.is_some(),
        })
    }

    /// The call of an action of a service, for the text of its failure.
    pub(in crate::sources) fn attempting(
        &self,
        service: Service,
        action: &'static str,
    ) -> Attempted {
        Attempted {
            action,
            region: self.region.clone(),
            endpoint: self.endpoint(service).into(),
            fixed_credentials: self.fixed,
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
        "set `aws.region` in the configuration, or AWS_REGION",
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
        let aws = Aws::new(Settings {
            region: Some("eu-west-1".into()),
            endpoint_url: Some("http://127.0.0.1:9/aws".into()),
            credentials: Some(FixedCredentials {
                access_key_id: "AKID".into(),
                secret_access_key: "hidden".into(),
            }),
            ..Settings::default()
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
