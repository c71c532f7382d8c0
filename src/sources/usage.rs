//! What pods use: processors and memory. One of three is asked, as the configuration has it.
//!
//! | | what is asked | processor time |
//! |---|---|---|
//! | [`MetricsApi`] | metrics.k8s.io | a rate, sampled |
//! | [`KubeletSource`] | the kubelet of each node, through the API server | counted from one reading to the next |
//! | [`CadvisorSource`] | a Prometheus that scrapes cAdvisor | counted in closed windows, with throttling |

mod cadvisor;
mod kubelet;
mod metrics_api;
mod rates;

pub use cadvisor::{CadvisorSource, Settings as CadvisorSettings};
pub use kubelet::{KubeletSource, Nodes, Settings as KubeletSettings};
pub use metrics_api::MetricsApi;
