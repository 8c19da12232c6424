# Both programs: docker build --target edge . and docker build --target persister . (BuildKit).

# The toolchain of rust-toolchain.toml, on the Debian that runs the result.
FROM rust:1.95.0-slim-bookworm AS build
WORKDIR /src
# .dockerignore lets through what these two are built from.
COPY . .
# Dependencies are fetched and compiled once, and kept between builds in caches that no image has.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/src/target,sharing=locked \
    cargo build --release --locked -p edge -p persister \
    && mkdir /out \
    && cp target/release/edge target/release/persister /out/

# Slim, not distroless: the health check needs a shell.
FROM debian:12.11-slim AS runtime
COPY --chmod=0755 ops/http_ok.sh /usr/local/bin/http_ok
USER 65532:65532

FROM runtime AS edge
COPY --from=build /out/edge /usr/local/bin/edge
# The public, and those who watch.
EXPOSE 8080 9080
ENTRYPOINT ["edge"]

FROM runtime AS persister
COPY --from=build /out/persister /usr/local/bin/persister
# Those who watch, and operators.
EXPOSE 9090 9091
ENTRYPOINT ["persister"]
CMD ["run"]
