//! The way into the cluster.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};
use tokio::sync::OnceCell;

use super::failure::told;
use crate::sources::{Reason, SourceError};

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
/// token that turns up later is found.
#[derive(Clone)]
pub struct Connection(Arc<Inner>);

struct Inner {
    access: Access,
    connect_timeout: Duration,
    server: OnceCell<Server>,
}

/// An API server that can be asked.
#[derive(Clone)]
pub(in crate::sources) struct Server {
    pub(in crate::sources) client: kube::Client,
    /// Its address, for errors.
    pub(in crate::sources) url: Arc<str>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.0.server.get().map(|server| &server.url);
        formatter
            .debug_struct("Connection")
            .field("access", &self.0.access)
            .field("url", &url)
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
            server: OnceCell::new(),
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

    /// The client and its address.
    pub(in crate::sources) async fn server(&self) -> Result<Server, SourceError> {
        let made = self.0.server.get_or_try_init(|| self.connect());
        made.await.cloned()
    }

    async fn connect(&self) -> Result<Server, SourceError> {
        let mut config = config(&self.0.access)
            .await
            .map_err(|why| no_way_in(&self.0.access, &why))?;
        config.connect_timeout = Some(self.0.connect_timeout);
        // Each caller has its own deadlines, and a quiet watch is no failure.
        config.read_timeout = None;
        // Each caller pauses by itself, and says so.
        config.default_retry = false;
        let url = config.cluster_url.to_string();
        let client =
            kube::Client::try_from(config).map_err(|why| no_way_in(&self.0.access, &why))?;
        Ok(Server {
            client,
            url: url.trim_end_matches('/').into(),
        })
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
    async fn a_kubeconfig_that_turns_up_later_is_found() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config");
        let connection = by(path.clone(), None);
        assert!(connection.client().await.is_err());
        std::fs::write(&path, KUBECONFIG).unwrap();
        assert!(connection.client().await.is_ok());
    }
}
