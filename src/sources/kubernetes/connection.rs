//! The way into the cluster.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use http::header::USER_AGENT;
use kube::config::{KubeConfigOptions, Kubeconfig};
use tokio::sync::Mutex;
use tracing::{debug, info};

use super::failure::told;
use super::identity::Identity;
use super::reachability::Reachability;
use super::request::Server;
use crate::sources::{self, Reason, SourceError};

/// Where the address and the credentials of the cluster come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// As kubectl and every client find it: the file that `KUBECONFIG` names or `~/.kube/config`, else the service
    /// account of the pod that this runs in.
    #[default]
    Inferred,
    /// The service account of the pod that this runs in, and nothing else.
    InCluster,
    /// An address that asks for no credentials, such as a local proxy's.
    Address(String),
    /// A kubeconfig file.
    Kubeconfig {
        /// The file; absent for the one that `KUBECONFIG` names or `~/.kube/config`.
        path: Option<PathBuf>,
        /// The context in it; absent for its current one.
        context: Option<String>,
    },
}

impl fmt::Display for Access {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inferred => formatter.write_str(
                "the kubeconfig (KUBECONFIG, else ~/.kube/config), then the pod's service account",
            ),
            Self::InCluster => formatter.write_str("the pod's service account"),
            Self::Address(address) => write!(formatter, "the address {address}"),
            Self::Kubeconfig { path, context } => {
                match path {
                    Some(path) => write!(formatter, "the kubeconfig {}", path.display())?,
                    None => {
                        formatter.write_str("the kubeconfig (KUBECONFIG, else ~/.kube/config)")?;
                    }
                }
                match context {
                    Some(context) => write!(formatter, ", context {context}"),
                    None => Ok(()),
                }
            }
        }
    }
}

/// The way into one cluster, shared by all who read from it; clones share it.
///
/// The client is made when it is first asked for, and asked for again as long as it cannot be made: a kubeconfig or a
/// token that turns up later is found. After an answer of 401, or none, the kubeconfig and the files that it names are
/// read again, and the client is replaced if they have changed.
#[derive(Clone)]
pub struct Connection(Arc<Inner>);

struct Inner {
    access: Access,
    connect_timeout: Duration,
    reachability: Arc<Reachability>,
    current: Mutex<Option<(Server, Identity)>>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Connection")
            .field("access", &self.0.access)
            .finish_non_exhaustive()
    }
}

impl Connection {
    /// A way into the cluster. Nothing is read or asked yet.
    #[must_use]
    pub fn new(access: Access, connect_timeout: Duration) -> Self {
        Self(Arc::new(Inner {
            access,
            connect_timeout,
            reachability: Arc::default(),
            current: Mutex::default(),
        }))
    }

    /// The client.
    ///
    /// # Errors
    /// When there is no kubeconfig and no service account, or what they say cannot be used. The text names all that
    /// was tried.
    pub async fn client(&self) -> Result<kube::Client, SourceError> {
        self.server().await.map(|server| server.client)
    }

    /// Whether the kubeconfig or the service account has another address, token, certificate or authority than the client
    /// that is in use. Not if it cannot be read: the client stays in use.
    pub async fn has_changed(&self) -> bool {
        let current = self.0.current.lock().await;
        let Some((_, identity)) = &*current else {
            return false;
        };
        match config(&self.0.access).await {
            Ok(config) => Identity::of(&config) != *identity,
            Err(error) => {
                debug!(error = %told(&error), "failed to read the kubeconfig again");
                false
            }
        }
    }

    /// The client and its address.
    pub(in crate::sources) async fn server(&self) -> Result<Server, SourceError> {
        let is_suspect = self.0.reachability.take_suspicion();
        if is_suspect && self.has_changed().await {
            let mut current = self.0.current.lock().await;
            // One that cannot be used is no better than the one in use.
            if let Ok(changed) = self.connect().await {
                info!(url = %changed.0.url, "Kubernetes credentials reloaded");
                *current = Some(changed);
            }
        }
        let mut current = self.0.current.lock().await;
        if let Some((server, _)) = &*current {
            return Ok(server.clone());
        }
        let made = self.connect().await?;
        Ok(current.insert(made).0.clone())
    }

    async fn connect(&self) -> Result<(Server, Identity), SourceError> {
        let mut config = config(&self.0.access)
            .await
            .map_err(|why| no_way_in(&self.0.access, &why))?;
        let identity = Identity::of(&config);
        config.connect_timeout = Some(self.0.connect_timeout);
        // Each caller has its own deadlines, and a quiet watch is no failure.
        config.read_timeout = None;
        // Each caller pauses by itself, and says so.
        config.default_retry = false;
        let name = HeaderValue::from_static(sources::USER_AGENT);
        config.headers.push((USER_AGENT, name));
        let url = config.cluster_url.to_string();
        let client =
            kube::Client::try_from(config).map_err(|why| no_way_in(&self.0.access, &why))?;
        let server = Server {
            client,
            url: url.trim_end_matches('/').into(),
            reachability: Arc::clone(&self.0.reachability),
        };
        Ok((server, identity))
    }
}

async fn config(access: &Access) -> Result<kube::Config, kube::Error> {
    match access {
        Access::Inferred => kube::Config::infer()
            .await
            .map_err(kube::Error::InferConfig),
        Access::InCluster => {
            kube::Config::incluster().map_err(|why| kube::Error::Service(Box::new(why)))
        }
        Access::Address(address) => {
            let address = address
                .parse()
                .map_err(|why: ::http::uri::InvalidUri| kube::Error::Service(Box::new(why)));
            address.map(kube::Config::new)
        }
        Access::Kubeconfig { path, context } => {
            let file = match path {
                Some(path) => Kubeconfig::read_from(path)?,
                None => Kubeconfig::read()?,
            };
            let options = KubeConfigOptions {
                context: context.clone(),
                ..KubeConfigOptions::default()
            };
            Ok(kube::Config::from_custom_kubeconfig(file, &options).await?)
        }
    }
}

fn no_way_in(access: &Access, why: &kube::Error) -> SourceError {
    SourceError::new(
        Reason::Unauthorized,
        format!("no way into the cluster by {access}: {}", told(why)),
        "set KUBECONFIG to a file that kubectl can use, or run in a pod whose service account token is mounted",
    )
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const KUBECONFIG: &str = r#"
apiVersion: v1
kind: Config
current-context: first
clusters:
- {name: one, cluster: {server: "http://127.0.0.1:1/"}}
- {name: two, cluster: {server: "http://127.0.0.1:2"}}
contexts:
- {name: first, context: {cluster: one, user: nobody}}
- {name: second, context: {cluster: two, user: nobody}}
users:
- {name: nobody, user: {}}
"#;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    fn by(path: PathBuf, context: Option<&str>) -> Connection {
        let access = Access::Kubeconfig {
            path: Some(path),
            context: context.map(str::to_owned),
        };
        Connection::new(access, Duration::from_secs(1))
    }

    #[tokio::test]
    async fn a_kubeconfig_is_read_with_its_current_or_a_given_context() {
        let file = file(KUBECONFIG);
        for (context, url) in [
            (None, "http://127.0.0.1:1"),
            (Some("second"), "http://127.0.0.1:2"),
        ] {
            let server = by(file.path().into(), context).server().await.unwrap();
            assert_eq!(&*server.url, url);
        }
    }

    #[tokio::test]
    async fn what_was_tried_and_what_to_do_is_said() {
        let file = file(KUBECONFIG);
        let path = file.path().display();
        for (connection, text) in [
            (
                by(file.path().into(), Some("third")),
                format!("no way into the cluster by the kubeconfig {path}, context third: "),
            ),
            (
                by("/nowhere/kubeconfig".into(), None),
                "no way into the cluster by the kubeconfig /nowhere/kubeconfig: ".to_owned(),
            ),
            (
                Connection::new(Access::InCluster, Duration::from_secs(1)),
                "no way into the cluster by the pod's service account: ".to_owned(),
            ),
        ] {
            let error = connection.client().await.err().unwrap();
            assert_eq!(error.reason(), Reason::Unauthorized);
            assert!(error.to_string().starts_with(&text), "{error}");
            assert!(error.to_string().contains("; set KUBECONFIG"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_change_of_the_kubeconfig_or_of_a_file_that_it_names_is_noticed() {
        let directory = tempfile::tempdir().unwrap();
        let [path, token] = ["config", "token"].map(|name| directory.path().join(name));
        std::fs::write(&token, "first").unwrap();
        let user = |user: &str| KUBECONFIG.replace("user: {}", &format!("user: {{{user}}}"));
        let by_file = user("tokenFile: token");
        let [inline, other] = ["one", "other"].map(|token| user(&format!("token: {token}")));
        let address = inline.replace("127.0.0.1:1/", "127.0.0.1:3/");
        std::fs::write(&path, &inline).unwrap();
        let connection = by(path.clone(), None);
        connection.server().await.unwrap();
        assert!(!connection.has_changed().await);
        for changed in [&other, &address, &by_file] {
            std::fs::write(&path, changed).unwrap();
            assert!(connection.has_changed().await, "{changed}");
        }
        std::fs::write(&path, "clusters: {").unwrap();
        assert!(!connection.has_changed().await, "it cannot be read");

        std::fs::write(&path, &by_file).unwrap();
        let connection = by(path, None);
        connection.server().await.unwrap();
        assert!(!connection.has_changed().await);
        std::fs::write(&token, "second").unwrap();
        assert!(connection.has_changed().await);
    }

    #[tokio::test]
    async fn a_kubeconfig_that_turns_up_later_is_found() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config");
        let connection = by(path.clone(), None);
        assert!(connection.client().await.is_err());
        std::fs::write(&path, KUBECONFIG).unwrap();
        assert!(connection.client().await.is_ok());
    }
}
