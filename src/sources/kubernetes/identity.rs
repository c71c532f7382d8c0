//! What makes one connection to a cluster another one: its address, its credentials and whom it trusts.

use kube::Config;
use kube::config::AuthInfo;
use sha2::{Digest, Sha256};

/// A digest of all that a client is made of, with the content of the files that are named; no secret can be read from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity([u8; 32]);

impl Identity {
    /// The identity of a configuration, with the files as they are now.
    pub(super) fn of(config: &Config) -> Self {
        let mut digest = Sha256::new();
        let mut add = |part: &[u8]| {
            // The length keeps neighbors apart.
            digest.update(part.len().to_le_bytes());
            digest.update(part);
        };
        add(config.cluster_url.to_string().as_bytes());
        add(format!(
            "{:?} {:?} {}",
            config.proxy_url, config.tls_server_name, config.accept_invalid_certs
        )
        .as_bytes());
        for certificate in config.root_cert.iter().flatten() {
            add(certificate);
        }
        // The secrets are in it. As a value, its maps have an order.
        let auth = serde_json::to_value(&config.auth_info).unwrap_or_default();
        add(auth.to_string().as_bytes());
        for file in files(&config.auth_info) {
            add(&std::fs::read(file).unwrap_or_default());
        }
        Self(digest.finalize().into())
    }
}

/// The files that credentials name.
fn files(auth: &AuthInfo) -> impl Iterator<Item = &String> {
    [&auth.token_file, &auth.client_certificate, &auth.client_key]
        .into_iter()
        .flatten()
}
