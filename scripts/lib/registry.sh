# A registry for the tests: Debian's docker-registry, the one that is installed or one of our own.
# shellcheck shell=bash

# The program; empty where there is none.
registry_path() {
  if has docker-registry; then
    command -v docker-registry
  elif [[ -x $engine_bin/usr/bin/docker-registry ]]; then
    printf '%s\n' "$engine_bin/usr/bin/docker-registry"
  fi
}

# Makes sure that there is one. It is unpacked rather than installed, so that no service of the
# machine's is started.
registry_up() {
  [[ -n $(registry_path) ]] && return
  [[ -n $(candidate docker-registry) ]] || die "apt knows no docker-registry" \
    "install it: https://distribution.github.io/distribution/"
  mkdir -p -- "$cache/docker"
  unpack --own docker-registry
}
