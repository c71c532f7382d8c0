//! Counts every attempt of a call, retries included.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

use super::{AwsSpend, Price};

/// Adds each attempt of a call to what was spent.
#[derive(Debug)]
pub(in crate::sources) struct Meter {
    pub(in crate::sources) spend: AwsSpend,
    pub(in crate::sources) api: &'static str,
    /// What each attempt is charged by.
    pub(in crate::sources) price: Price,
}

impl Intercept for Meter {
    fn name(&self) -> &'static str {
        "Meter"
    }

    fn read_before_transmit(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.spend.count(self.api, self.price);
        Ok(())
    }
}
