//! The simulated cloud: a Kubernetes API, CloudWatch, Lambda and Prometheus on loopback.
