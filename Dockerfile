# syntax=docker/dockerfile:1
# The image of breakeven: the program alone, as a user without rights.
#
#   docker buildx build --build-arg REVISION="$(git rev-parse HEAD)" --sbom=true --provenance=true -t REGISTRY/breakeven:0.1.0 --push .
#
# cargo-auditable writes the list of crates into the program, so that the SBOM of the image (and every scanner) has them.

# The digests are those of the multi-platform indexes of the tags before them.

FROM rust:1.95-bookworm@sha256:6258907abe69656e41cd992e0b705cdcfabcbbe3db374f92ed2d47121282d4a1 AS build
ARG TARGETPLATFORM
ARG REVISION=""
WORKDIR /source
RUN --mount=type=cache,id=breakeven-registry-${TARGETPLATFORM},target=/usr/local/cargo/registry \
    cargo install --locked --version 0.7.7 cargo-auditable
COPY Cargo.toml Cargo.lock ./
COPY crates ./crates
COPY src ./src
COPY benches ./benches
COPY config ./config
COPY docs ./docs
RUN --mount=type=cache,id=breakeven-registry-${TARGETPLATFORM},target=/usr/local/cargo/registry \
    --mount=type=cache,id=breakeven-target-${TARGETPLATFORM},target=/source/target \
    BREAKEVEN_REVISION="${REVISION}" BREAKEVEN_RUSTVERSION="$(rustc --version | cut -d' ' -f2)" \
    cargo auditable build --release --locked --no-default-features --bin breakeven \
    && install -D -m 0755 target/release/breakeven /image/usr/bin/breakeven \
    && install -D -m 0644 config/default.yaml /image/usr/share/breakeven/default.yaml

# The C library and the roots of trust, and no shell.
FROM gcr.io/distroless/cc-debian12:nonroot@sha256:9dac0a79194e45a7da0158a9c6da57b217585af0786db3845d1f0ec1a0dd182f
ARG REVISION=""
LABEL org.opencontainers.image.title="breakeven" \
      org.opencontainers.image.description="What one request costs on Kubernetes and on AWS Lambda, and where the answer flips" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /image /
COPY LICENSE /usr/share/breakeven/LICENSE
USER 65532:65532
EXPOSE 9871
ENTRYPOINT ["/usr/bin/breakeven"]
CMD ["run"]
