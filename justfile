# Short names for what is done often. `just` lists them.

_list:
    @just --list

# All checks.
test:
    ./test

# Style, lints and unit tests.
quick:
    ./test quick

# The simulated cloud and the agent, on http://127.0.0.1:9871/.
demo *ARGS:
    cargo run --release -- demo {{ARGS}}

# How long a pass of the model takes over 10,000 workloads and 10,000 functions.
bench:
    cargo bench --bench model_pass

# Formats the source.
format:
    cargo fmt

# Writes anew what is made: the metric reference, the default configuration, dashboards, what is expected of the chart.
bless:
    BREAKEVEN_BLESS=1 cargo test --lib exposition
    BREAKEVEN_BLESS=1 cargo test --test repository config_files
    BREAKEVEN_BLESS=1 cargo test --test repository what_grafana_reads
    BREAKEVEN_BLESS=1 cargo test --test repository chart

# Writes anew what the dashboards show of the demo (docs/dashboards.md); takes a quarter of an hour.
bless-report:
    BREAKEVEN_BLESS=1 cargo test --test repository dashboards

# The image, for this machine.
image TAG="breakeven:dev":
    docker buildx build --build-arg REVISION="$(git rev-parse HEAD)" --load -t {{TAG}} .
