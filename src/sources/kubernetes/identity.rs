//! What makes one connection to a cluster another one: its address, its credentials and whom it trusts.

use kube::Config;
use kube::config::AuthInfo;
use sha2::{Digest, Sha256};

/// Digests of all that a client is made of, with the content of the files that are named; no secret can be read from them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    /// All but the content of the token file.
    setup: [u8; 32],
    /// The content of the token file, which kube reads again every minute.
    token_file: [u8; 32],
}

impl Identity {
    /// The identity of a configuration, with the files as they are now.
    pub(super) fn from_config(config: &Config) -> Self {
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
        for file in certificate_files(&config.auth_info) {
            add(&content(file));
        }
        let token = config.auth_info.token_file.as_deref().map(content);
        Self {
            setup: digest.finalize().into(),
            token_file: Sha256::digest(token.unwrap_or_default()).into(),
        }
    }

    /// Whether a client of the other identity uses the same address, certificates, authority and token, except for the
    /// content of the token file.
    pub(super) fn has_same_credentials_source(&self, other: &Self) -> bool {
        self.setup == other.setup
    }
}

/// The files of the client certificate.
fn certificate_files(auth: &AuthInfo) -> impl Iterator<Item = &String> {
    [&auth.client_certificate, &auth.client_key]
        .into_iter()
        .flatten()
}

/// The content of a file; empty if it cannot be read.
fn content(file: &str) -> Vec<u8> {
    std::fs::read(file).unwrap_or_default()
}
