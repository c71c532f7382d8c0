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

# Formats the source.
format:
    cargo fmt

# Writes anew what the program makes: the metric reference and the default configuration.
bless:
    BREAKEVEN_BLESS=1 cargo test --lib exposition
    BREAKEVEN_BLESS=1 cargo test --test config_files
