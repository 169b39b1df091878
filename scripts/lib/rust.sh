# Rust, and how the program is built: one build for the tests, the demo and the action's image.
# shellcheck shell=bash

# Static, so that the image of the action needs no C library. With --target the flag does not reach
# build scripts and procedural macros, which cannot be linked that way.
rust_target=$(uname -m)-unknown-linux-gnu
export RUSTFLAGS="-C target-feature=+crt-static"
# Outlives the checkout: a cold build takes minutes.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$cache/target}
# shellcheck disable=SC2034 # for the caller
rust_binary=$CARGO_TARGET_DIR/$rust_target/debug/ecs-private-deploy

rust_is_new_enough() {
  local wanted
  wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$root/Cargo.toml")
  # Asked in the project, where a rust-toolchain.toml would count.
  has cargo && has rustc && at_least "$(cd -- "$root" && rustc --version | cut -d ' ' -f 2)" "$wanted"
}

# Points this shell at a Rust that is new enough; fails where there is none.
rust_find() {
  rust_is_new_enough && return
  # One installed by this, apart from the user's own.
  [[ -x $cache/rust/cargo/bin/cargo ]] || return
  export CARGO_HOME=$cache/rust/cargo RUSTUP_HOME=$cache/rust/rustup
  PATH=$CARGO_HOME/bin:$PATH
  rust_is_new_enough
}

# Makes sure of a Rust that is new enough, and of a linker.
rust_up() {
  if ! has cc; then packages "Rust's linker" gcc libc6-dev; fi
  if rust_find; then return; fi
  has curl || packages "the installation of Rust" curl ca-certificates
  step "Installing Rust $RUST_VERSION (kept in $cache/rust)"
  mkdir -p -- "$cache/rust"
  local program=$cache/rust/rustup-init
  if ! { logged rustup-download curl --proto =https --silent --show-error --fail --location \
    --max-time 300 --output "$program" "https://static.rust-lang.org/rustup/dist/$rust_target/rustup-init" &&
    chmod +x -- "$program" &&
    CARGO_HOME=$cache/rust/cargo RUSTUP_HOME=$cache/rust/rustup logged rustup "$program" -y \
      --no-modify-path --profile minimal --component rustfmt --component clippy \
      --default-toolchain "$RUST_VERSION" && rust_find; }; then
    die "there is no Rust $RUST_VERSION or later, and it could not be installed" \
      "install it: https://www.rust-lang.org/tools/install"
  fi
}

# Runs cargo in the project; its subcommand first.
cargo_run() { (cd -- "$root" && cargo "$1" --locked --target "$rust_target" "${@:2}"); }

# Builds the program. Its path is $rust_binary.
rust_build() {
  step "Building ecs-private-deploy (minutes the first time; kept in $CARGO_TARGET_DIR)"
  logged build cargo_run build --bin ecs-private-deploy
}
