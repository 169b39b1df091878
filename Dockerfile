# The action's image: the program, the docker client with buildx, and CA certificates.

# `--build-context build=FOLDER` takes the place of this stage where the program is built already.
FROM rust:1.95.0-bookworm AS build
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY src src
# Static, so that the image needs no C library. With --target the flag does not reach build scripts.
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    target=$(uname -m)-unknown-linux-gnu && \
    RUSTFLAGS="-C target-feature=+crt-static" \
    cargo build --locked --release --bin ecs-private-deploy --target "$target" && \
    install -D "target/$target/release/ecs-private-deploy" /out/ecs-private-deploy

FROM docker:28.2.2-cli AS docker

FROM scratch
# Makes /tmp. GitHub's runner sets a working directory of its own.
WORKDIR /tmp
COPY --from=docker /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=docker /usr/local/bin/docker /usr/local/bin/docker
COPY --from=docker /usr/local/libexec/docker/cli-plugins/docker-buildx /usr/local/libexec/docker/cli-plugins/docker-buildx
COPY --from=build /out/ecs-private-deploy /usr/local/bin/ecs-private-deploy
ENV PATH=/usr/local/bin
ENTRYPOINT ["/usr/local/bin/ecs-private-deploy"]
