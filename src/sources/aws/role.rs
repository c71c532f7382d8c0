//! Roles in other accounts, whose credentials come from AssumeRole.

use aws_config::sts::AssumeRoleProvider;
use aws_config::{Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::shared::IntoShared as _;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use tokio::sync::OnceCell;

use super::AwsSpend;
use super::meter::MeteredClient;

/// The call, and what its use is counted as.
const API: &str = "AssumeRole";

/// The name that the other account sees in its log.
const SESSION_NAME: &str = "breakeven";

/// A role that is taken on in another account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Its ARN, `arn:aws:iam::ACCOUNT:role/NAME`.
    pub arn: String,
    /// What its trust policy asks for besides.
    pub external_id: Option<String>,
}

impl Role {
    /// The account of the role; absent where the ARN is not that of a role.
    ///
    /// ```
    /// use breakeven::sources::aws::Role;
    ///
    /// let role = |arn: &str| Role { arn: arn.to_owned(), external_id: None };
    /// let there = role("arn:aws:iam::123456789012:role/teams/breakeven");
    /// assert_eq!(there.account_id(), Some("123456789012"));
    /// assert_eq!(role("arn:aws:iam::123456789012:user/breakeven").account_id(), None);
    /// ```
    #[must_use]
    pub fn account_id(&self) -> Option<&str> {
        let parts: Vec<&str> = self.arn.splitn(6, ':').collect();
        let ["arn", partition, "iam", "", account_id, resource] = parts.as_slice() else {
            return None;
        };
        let name = resource.strip_prefix("role/")?;
        let is_account = account_id.len() == 12 && account_id.bytes().all(|c| c.is_ascii_digit());
        (partition.starts_with("aws") && is_account && !name.is_empty()).then_some(account_id)
    }
}

/// A call waits for its credentials within its own attempt: STS is given up before that is, so that it is told which of both
/// did not answer. It is tried once, as the source comes back by itself, and counted.
fn of_roles(chain: &SdkConfig, spend: &AwsSpend) -> SdkConfig {
    let whole = chain.timeout_config();
    let attempt = whole.and_then(TimeoutConfig::operation_attempt_timeout);
    let mut timeouts = whole.map_or_else(TimeoutConfig::builder, TimeoutConfig::to_builder);
    timeouts.set_operation_attempt_timeout(attempt.map(|attempt| attempt / 2));
    let once = RetryConfig::standard().with_max_attempts(1);
    let mut config = chain
        .to_builder()
        .timeout_config(timeouts.build())
        .retry_config(once);
    config.set_http_client(chain.http_client().map(|client| {
        let metered = MeteredClient {
            client,
            spend: spend.clone(),
            api: API,
        };
        metered.into_shared()
    }));
    config.build()
}

/// A role with its credentials, which all regions share.
#[derive(Debug)]
pub(super) struct AssumedRole {
    pub(super) role: Role,
    credentials: OnceCell<SharedCredentialsProvider>,
}

impl AssumedRole {
    pub(super) fn new(role: Role) -> Self {
        Self {
            role,
            credentials: OnceCell::new(),
        }
    }

    /// Where its credentials come from. Nothing is asked yet: the SDK's cache of identities asks STS when they are first
    /// needed, and anew before they expire.
    pub(super) async fn credentials(
        &self,
        chain: &SdkConfig,
        spend: &AwsSpend,
        region: Region,
    ) -> SharedCredentialsProvider {
        let provider = || async {
            let mut role = AssumeRoleProvider::builder(&self.role.arn)
                .configure(&of_roles(chain, spend))
                .region(region)
                .session_name(SESSION_NAME);
            if let Some(external_id) = &self.role.external_id {
                role = role.external_id(external_id);
            }
            SharedCredentialsProvider::new(role.build().await)
        };
        self.credentials.get_or_init(provider).await.clone()
    }
}
