//! The way into the cluster.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::HeaderValue;
use http::header::USER_AGENT;
use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig};
use tokio::runtime::Handle;
use tokio::sync::MutexGuard;
use tokio::time::{Instant, timeout};
use tracing::{debug, info, warn};

use super::error::message_of;
use super::identity::Identity;
use super::reachability::Reachability;
use super::request::Server;
use crate::disk::{Disk, DiskError};
use crate::sources::redaction::KnownSecrets;
use crate::sources::{self, Reason, SourceError};

/// How long it may take to read the kubeconfig and the files that it names again: shorter than the deadline of a reload.
const CHECK_DEADLINE: Duration = Duration::from_secs(5);

/// How long it may take to make a client, with a program that prints credentials.
const CONNECT_DEADLINE: Duration = Duration::from_secs(30);

const READ_REMEDY: &str =
    "check the files that the kubeconfig names, and the program that it runs for credentials";

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
///
/// Files are read, and programs for credentials run, on a thread for blocking work and with a deadline: the client in
/// use stays available while they hang.
#[derive(Clone)]
pub struct Connection(Arc<Inner>);

struct Inner {
    access: Access,
    connect_timeout: Duration,
    reachability: Arc<Reachability>,
    /// The client in use. It is not locked during any file operation.
    current: Mutex<Option<(Server, Identity)>>,
    /// Held by the one task that uses the disk.
    turn: tokio::sync::Mutex<LastFailure>,
    disk: Disk,
}

/// The last failure to make a client, and its time.
type LastFailure = Option<(Instant, SourceError)>;

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
            turn: tokio::sync::Mutex::default(),
            disk: Disk::default(),
        }))
    }

    /// Where the address and the credentials come from.
    #[must_use]
    pub fn access(&self) -> &Access {
        &self.0.access
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
    /// that is in use. The content of a token file does not count: the client reads it again every minute. Not if the
    /// kubeconfig is invalid: the client stays in use.
    ///
    /// # Errors
    /// Fails if the files cannot be read within 5 s.
    pub async fn has_changed(&self) -> Result<bool, SourceError> {
        let Some((_, before)) = self.current() else {
            return Ok(false);
        };
        let _turn = self.turn(CHECK_DEADLINE).await?;
        let now = self.identity().await?;
        Ok(now.is_some_and(|now| !now.has_same_credentials_source(&before)))
    }

    /// The client and its address.
    pub(in crate::sources) async fn server(&self) -> Result<Server, SourceError> {
        if self.0.reachability.take_suspected() {
            self.renew().await;
        }
        if let Some((server, _)) = self.current() {
            return Ok(server);
        }
        let asked = Instant::now();
        let mut last_failure = self.turn(CONNECT_DEADLINE).await?;
        if let Some((server, _)) = self.current() {
            return Ok(server);
        }
        // One attempt counts for all callers that waited for it: each may run a program for credentials.
        if let Some((at, error)) = &*last_failure
            && *at >= asked
        {
            return Err(error.clone());
        }
        let made = self.connect().await;
        *last_failure = made
            .as_ref()
            .err()
            .map(|error| (Instant::now(), error.clone()));
        made.map(|made| self.replace(made))
    }

    /// The client was not available in time.
    pub(super) fn timed_out(&self, deadline: Duration) -> SourceError {
        let what = match self.0.disk.operation() {
            Some(operation) => operation.unfinished().to_string(),
            None => format!("not finished within {} s", deadline.as_secs_f64()),
        };
        let access = &self.0.access;
        SourceError::new(
            Reason::Timeout,
            format!("no way into the cluster by {access}: {what}"),
            READ_REMEDY,
        )
    }

    /// Replaces the client if the files describe another one by now.
    async fn renew(&self) {
        let Some((_, before)) = self.current() else {
            return;
        };
        let is_hung = self.0.disk.operation().is_some();
        match self.changed_client(before).await {
            Ok(Some(changed)) => {
                info!(url = %changed.0.url, "Kubernetes credentials reloaded");
                self.replace(changed);
            }
            Ok(None) => {}
            // It was logged when it began.
            Err(error) if is_hung => debug!(%error, "failed to read the kubeconfig again"),
            Err(error) => {
                warn!(source = "kubernetes", %error, "failed to read the kubeconfig again");
            }
        }
    }

    /// The client that the files describe now, if it is another one and can be used.
    async fn changed_client(
        &self,
        before: Identity,
    ) -> Result<Option<(Server, Identity)>, SourceError> {
        let _turn = self.turn(CHECK_DEADLINE).await?;
        match self.identity().await? {
            Some(now) if now != before => Ok(self.connect().await.ok()),
            _ => Ok(None),
        }
    }

    /// The identity of the client that the files describe now; absent if they are invalid.
    async fn identity(&self) -> Result<Option<Identity>, SourceError> {
        let access = self.0.access.clone();
        let read = self.read(CHECK_DEADLINE, move || {
            config(&access).map(|config| Identity::from_config(&config))
        });
        match read.await? {
            Ok(identity) => Ok(Some(identity)),
            Err(error) => {
                debug!(error = %message_of(&error), "failed to read the kubeconfig again");
                Ok(None)
            }
        }
    }

    async fn connect(&self) -> Result<(Server, Identity), SourceError> {
        let (access, timeout) = (self.0.access.clone(), self.0.connect_timeout);
        let read = self.read(CONNECT_DEADLINE, move || {
            new_client(&access, timeout).map_err(|why| no_connection(&access, &why))
        });
        let (client, url, secrets, identity) = read.await??;
        let server = Server {
            client,
            secrets: Arc::new(secrets),
            url: url.trim_end_matches('/').into(),
            reachability: Arc::clone(&self.0.reachability),
        };
        Ok((server, identity))
    }

    /// Waits for the file operations of other tasks.
    async fn turn(&self, deadline: Duration) -> Result<MutexGuard<'_, LastFailure>, SourceError> {
        let turn = timeout(deadline, self.0.turn.lock()).await;
        turn.map_err(|_| self.timed_out(deadline))
    }

    /// Runs file operations with a deadline. The caller has the turn.
    async fn read<T: Send + 'static>(
        &self,
        deadline: Duration,
        operation: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, SourceError> {
        let what = format!("read of {}", self.0.access);
        let read = self.0.disk.run(what, deadline, operation).await;
        read.map_err(|error| {
            let reason = match error {
                DiskError::Unfinished { .. } => Reason::Timeout,
                DiskError::Broken(_) => Reason::Unauthorized,
            };
            SourceError::new(reason, error.to_string(), READ_REMEDY)
        })
    }

    fn current(&self) -> Option<(Server, Identity)> {
        let current = self.0.current.lock();
        current.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace(&self, made: (Server, Identity)) -> Server {
        let server = made.0.clone();
        let current = self.0.current.lock();
        *current.unwrap_or_else(PoisonError::into_inner) = Some(made);
        server
    }
}

/// Makes a client, with its address and its identity. Reads files and may run a program for credentials: for a thread
/// for blocking work only.
fn new_client(
    access: &Access,
    connect_timeout: Duration,
) -> Result<(kube::Client, String, KnownSecrets, Identity), kube::Error> {
    let mut config = config(access)?;
    let identity = Identity::from_config(&config);
    let secrets = secrets(&config.auth_info);
    config.connect_timeout = Some(connect_timeout);
    // Each caller has its own deadlines, and a quiet watch is no failure.
    config.read_timeout = None;
    // Each caller pauses by itself, and says so.
    config.default_retry = false;
    let name = HeaderValue::from_static(sources::USER_AGENT);
    config.headers.push((USER_AGENT, name));
    let url = config.cluster_url.to_string();
    Ok((kube::Client::try_from(config)?, url, secrets, identity))
}

/// The tokens and the password that a client sends. A token file is read as it is now: its later tokens are recognized by their
/// form alone.
fn secrets(auth: &AuthInfo) -> KnownSecrets {
    let mut secrets = KnownSecrets::default();
    let value = serde_json::to_value(auth).unwrap_or_default();
    let file = auth.token_file.as_ref();
    let in_file = file.and_then(|path| std::fs::read_to_string(path).ok());
    let written = ["token", "password"].map(|key| value[key].as_str().map(str::to_owned));
    for secret in written.into_iter().chain([in_file]).flatten() {
        secrets.add(secret.trim());
    }
    secrets
}

/// Reads the configuration, for a thread for blocking work only: these functions of kube are async, but read files as
/// if they were not.
fn config(access: &Access) -> Result<kube::Config, kube::Error> {
    let runtime = Handle::current();
    match access {
        Access::Inferred => runtime
            .block_on(kube::Config::infer())
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
            let config = kube::Config::from_custom_kubeconfig(file, &options);
            Ok(runtime.block_on(config)?)
        }
    }
}

fn no_connection(access: &Access, why: &kube::Error) -> SourceError {
    SourceError::new(
        Reason::Unauthorized,
        format!("no way into the cluster by {access}: {}", message_of(why)),
        "set KUBECONFIG to a file that kubectl can use, or run in a pod whose service account token is mounted",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::kubernetes::hung_file::HungFile;
    use std::io::Write;

    const PATIENCE: Duration = Duration::from_secs(60);

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
        assert!(!connection.has_changed().await.unwrap());
        for changed in [&other, &address, &by_file] {
            std::fs::write(&path, changed).unwrap();
            assert!(connection.has_changed().await.unwrap(), "{changed}");
        }
        std::fs::write(&path, "clusters: {").unwrap();
        assert!(
            !connection.has_changed().await.unwrap(),
            "it cannot be read"
        );

        std::fs::write(&path, &by_file).unwrap();
        let connection = by(path, None);
        connection.server().await.unwrap();
        assert!(!connection.has_changed().await.unwrap());
        std::fs::write(&token, "second").unwrap();
        assert!(
            !connection.has_changed().await.unwrap(),
            "the client reads it again by itself"
        );
        let identity = |connection: &Connection| connection.current().unwrap().1;
        let before = identity(&connection);
        connection.0.reachability.suspect();
        connection.server().await.unwrap();
        assert_ne!(
            identity(&connection),
            before,
            "the new token is in use after a 401"
        );
        assert!(!connection.has_changed().await.unwrap());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_token_file_whose_reading_hangs_fails_the_check_and_the_client_stays_in_use() {
        let directory = tempfile::tempdir().unwrap();
        let [path, token] = ["config", "token"].map(|name| directory.path().join(name));
        std::fs::write(&token, "first").unwrap();
        std::fs::write(
            &path,
            KUBECONFIG.replace("user: {}", "user: {tokenFile: token}"),
        )
        .unwrap();
        let connection = by(path, None);
        connection.server().await.unwrap();
        let hung = HungFile::replace(token);
        let checking = connection.clone();
        let check = tokio::spawn(async move { checking.has_changed().await });
        // The check has begun, and hangs.
        let begun = async {
            while connection.0.disk.operation().is_none() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, begun).await.unwrap();
        timeout(PATIENCE, connection.server())
            .await
            .unwrap()
            .unwrap();
        let error = timeout(PATIENCE, check).await.unwrap().unwrap();
        let error = error.unwrap_err();
        assert_eq!(error.reason(), Reason::Timeout);
        assert!(
            error.to_string().contains("has not finished for"),
            "{error}"
        );

        connection.0.reachability.suspect();
        timeout(PATIENCE, connection.server())
            .await
            .unwrap()
            .unwrap();
        drop(hung);
        let recovered = async {
            while connection.has_changed().await.is_err() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, recovered).await.unwrap();
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
