//! STS: GetCallerIdentity, in the Query protocol.

use bytes::Bytes;
use http::{Response, StatusCode};

use super::failure::Failure;
use super::wire::{Wire, escape_xml};

pub(super) fn answer(account: &str, action: &str) -> Result<Response<Bytes>, Failure> {
    if action != "GetCallerIdentity" {
        return Err(Failure::unknown_operation(action));
    }
    let body = format!(
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  \
         <GetCallerIdentityResult>\n    <Arn>{}</Arn>\n    <UserId>{}</UserId>\n    \
         <Account>{}</Account>\n  </GetCallerIdentityResult>\n  <ResponseMetadata>\n    \
         <RequestId>{}</RequestId>\n  </ResponseMetadata>\n</GetCallerIdentityResponse>\n",
        escape_xml(&super::caller_arn(account)),
        super::CALLER_ID,
        escape_xml(account),
        super::NO_REQUEST_ID,
    );
    Ok(Wire::Query.response(StatusCode::OK, body.into()))
}
