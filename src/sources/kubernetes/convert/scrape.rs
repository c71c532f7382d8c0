//! Where pods are scraped: those that ask for it by annotations, and those that the configuration selects.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use crate::sources::kubernetes::api_types::PodObject;

/// The longest path that is asked for, in bytes; servers take request lines of 8 KiB.
const MAX_PATH: usize = 2_048;

/// Pods that are scraped though they do not ask for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScrapeSelector {
    /// The namespace; all without one.
    pub namespace: Option<String>,
    /// Labels that a pod has to have.
    pub labels: BTreeMap<String, String>,
    /// The port of their metrics.
    pub port: u16,
    /// The path of their metrics.
    pub path: String,
}

impl ScrapeSelector {
    fn selects(&self, object: &PodObject) -> bool {
        let meta = &object.metadata;
        let is_there = |namespace: &String| *namespace == meta.namespace;
        let mut labels = self.labels.iter();
        self.namespace.as_ref().is_none_or(is_there)
            && labels.all(|(key, value)| meta.labels.get(key) == Some(value))
    }
}

/// Where the metrics of a pod are that runs and is scraped: as its annotations say, where it asks for it, else as the first
/// selector has it.
pub(super) fn metrics(object: &PodObject, selectors: &[ScrapeSelector]) -> Option<String> {
    let address: IpAddr = object.status.pod_ip.parse().ok()?;
    if object.status.phase != "Running" {
        return None;
    }
    let url = |port: u16, path: &str| {
        let path = path.strip_prefix('/').unwrap_or(path);
        format!("http://{}/{path}", SocketAddr::new(address, port))
    };
    let annotations = &object.metadata.annotations;
    if annotations.scrape.as_deref() == Some("true") {
        // Those behind TLS are not scraped: who they are cannot be known.
        let scheme = annotations.scrape_scheme.as_deref();
        if scheme.is_some_and(|scheme| scheme != "http") {
            return None;
        }
        let port = annotations.scrape_port.as_deref()?.trim().parse().ok()?;
        let path = annotations.scrape_path.as_deref().unwrap_or("/metrics");
        if path.len() > MAX_PATH {
            return None;
        }
        return Some(url(port, path));
    }
    let mut selectors = selectors.iter();
    let selector = selectors.find(|selector| selector.selects(object))?;
    Some(url(selector.port, &selector.path))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn object(annotations: &Value, ip: &str, phase: &str) -> PodObject {
        serde_json::from_value(json!({
            "metadata": {
                "name": "web-1", "namespace": "shop", "uid": "1", "annotations": annotations,
                "labels": {"app": "web", "tier": "front"},
            },
            "spec": {"nodeName": "n", "containers": []},
            "status": {"phase": phase, "podIP": ip},
        }))
        .unwrap()
    }

    fn asks(more: &Value) -> Value {
        let mut annotations = json!({"prometheus.io/scrape": "true", "prometheus.io/port": "9102"});
        for (key, value) in more.as_object().unwrap() {
            annotations[key] = value.clone();
        }
        annotations
    }

    fn selector(namespace: Option<&str>, labels: &[(&str, &str)], path: &str) -> ScrapeSelector {
        let labels = labels.iter();
        ScrapeSelector {
            namespace: namespace.map(str::to_owned),
            labels: labels
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
            port: 8080,
            path: path.to_owned(),
        }
    }

    #[test]
    fn a_pod_that_asks_to_be_scraped_says_where() {
        let asking = |annotations: &Value, ip| metrics(&object(annotations, ip, "Running"), &[]);
        let at = |annotations: &Value| asking(annotations, "10.0.0.7");
        let plain = Some("http://10.0.0.7:9102/metrics".to_owned());
        assert_eq!(at(&asks(&json!({}))), plain);
        assert_eq!(at(&asks(&json!({"prometheus.io/scheme": "http"}))), plain);
        assert_eq!(
            at(&asks(&json!({"prometheus.io/path": "/a/b"}))),
            Some("http://10.0.0.7:9102/a/b".to_owned())
        );
        assert_eq!(
            asking(&asks(&json!({})), "fd00::7"),
            Some("http://[fd00::7]:9102/metrics".to_owned())
        );
        for not in [
            json!({"prometheus.io/scrape": "false"}),
            json!({"prometheus.io/port": "http"}),
            json!({"prometheus.io/scheme": "https"}),
            json!({"prometheus.io/path": "/".repeat(2_049)}),
        ] {
            assert_eq!(at(&asks(&not)), None, "{not}");
        }
        assert_eq!(asking(&asks(&json!({})), ""), None, "it has no address yet");
    }

    #[test]
    fn a_pod_that_does_not_ask_is_scraped_where_the_first_selector_that_it_fits_says() {
        let selected = |selectors: &[ScrapeSelector]| {
            metrics(&object(&json!({}), "10.0.0.7", "Running"), selectors)
        };
        let web = selector(None, &[("app", "web")], "/stats");
        let found = Some("http://10.0.0.7:8080/stats".to_owned());
        assert_eq!(selected(std::slice::from_ref(&web)), found);
        for other in [
            selector(Some("pay"), &[("app", "web")], "/"),
            selector(None, &[("app", "web"), ("tier", "back")], "/"),
            selector(None, &[("app", "api")], "/"),
        ] {
            assert_eq!(selected(std::slice::from_ref(&other)), None, "{other:?}");
            assert_eq!(selected(&[other, web.clone()]), found);
        }
        let both = selector(Some("shop"), &[("app", "web"), ("tier", "front")], "/first");
        assert_eq!(
            selected(&[both, web.clone()]),
            Some("http://10.0.0.7:8080/first".to_owned())
        );
        let asking = object(&asks(&json!({})), "10.0.0.7", "Running");
        let its_own = Some("http://10.0.0.7:9102/metrics".to_owned());
        assert_eq!(metrics(&asking, std::slice::from_ref(&web)), its_own);
        let waiting = object(&json!({}), "10.0.0.7", "Pending");
        assert_eq!(metrics(&waiting, &[web]), None);
    }
}
