# A Docker engine with buildx: the one that is there, or one of our own.
# shellcheck shell=bash
#
# Our own engine is one a machine, whichever checkout asks: two engines with a default bridge get into
# each other's way. Its images are in the cache; its socket has a short path, as a socket must.

engine_run=/run/ecs-private-deploy
engine_socket=$engine_run/docker.sock
engine_key=$(key -- "$DOCKER_VERSION" "$BUILDX_VERSION" "$DOCKER_SUITE")
engine_bin=$cache/docker/$engine_key
docker_config=$cache/docker/config

# Points this shell at an engine that answers; fails where there is none.
engine_find() {
  if ! has docker && [[ -x $engine_bin/usr/bin/docker ]]; then PATH=$PATH:$engine_bin/usr/bin; fi
  has docker || return 1
  if ! engine_answers; then
    [[ -S $engine_socket ]] || return 1
    engine_answers "unix://$engine_socket" || return 1
    export DOCKER_HOST=unix://$engine_socket
  fi
  # Only our plugin's own folder; where Docker has buildx already, nothing is changed.
  if ! docker buildx version >/dev/null 2>&1; then
    [[ -x $docker_config/cli-plugins/docker-buildx ]] || return 1
    export DOCKER_CONFIG=$docker_config
    docker buildx version >/dev/null 2>&1
  fi
}

engine_answers() {
  DOCKER_HOST=${1:-${DOCKER_HOST:-}} timeout 20 docker version --format '{{.Server.Version}}' \
    >/dev/null 2>&1
}

# Makes sure that an engine with buildx runs, and points this shell at it. Sets engine_started to the
# number of its process if it was started here.
engine_up() {
  engine_started=
  mkdir -p -- "$cache/docker"
  engine_find && return
  has docker || engine_install
  if ! engine_answers && ! engine_answers "unix://$engine_socket"; then
    engine_start
    engine_started=$(<"$engine_run/docker.pid")
  fi
  docker buildx version >/dev/null 2>&1 || buildx_install
  engine_find || die "the Docker engine answers, but 'docker buildx' does not" \
    "run 'docker buildx version' and mend what it says"
}

engine_start() {
  ((EUID == 0)) || die "no Docker engine answers" \
    "start Docker, set DOCKER_HOST to an engine that runs, or run this as root to have one started"
  local program tool
  program=$(engine_program) || { engine_install && program=$(engine_program); }
  # A package may have started it while it was being installed.
  if engine_answers; then return; fi
  local -a missing=()
  for tool in containerd runc iptables; do has "$tool" || missing+=("$tool"); done
  if ((${#missing[@]})); then packages "a Docker engine" "${missing[@]}"; fi

  step "Starting a Docker engine ($("$program" --version | cut -d , -f 1))"
  mkdir -p -- "$engine_run" "$cache/docker/data"
  local log=$engine_run/dockerd.log
  # With the containerd image store the engine can write a build cache to a registry.
  printf '{"features":{"containerd-snapshotter":true}}\n' >"$engine_run/daemon.json"
  (
    # Two runs that start at once start one engine.
    flock 9
    if engine_answers "unix://$engine_socket"; then exit; fi
    PATH=$PATH:/usr/sbin:/sbin:$(dirname -- "$program"):$engine_bin/usr/bin setsid -- "$program" \
      --config-file "$engine_run/daemon.json" --data-root "$cache/docker/data" \
      --exec-root "$engine_run/exec" --pidfile "$engine_run/docker.pid" \
      --host "unix://$engine_socket" </dev/null >"$log" 2>&1 9>&- &
    engine=$!
    for ((tries = 0; tries < 300; tries++)); do
      if engine_answers "unix://$engine_socket"; then exit; fi
      kill -0 "$engine" 2>/dev/null || break
      sleep 0.2
    done
    tail -n 20 -- "$log" | sed 's/^/    | /' >&2
    die "the Docker engine did not start" "see $log; a container needs --privileged to run one"
  ) 9>"$engine_run/lock"
}

# The newest engine that is installed, if it is new enough to hold images as a registry does.
engine_program() {
  local program
  for program in "$(command -v dockerd)" /usr/sbin/dockerd /usr/bin/dockerd "$engine_bin/usr/sbin/dockerd"; do
    if [[ -x $program ]] && at_least "$("$program" --version | sed 's/.*version \([0-9.]*\).*/\1/')" 24; then
      printf '%s\n' "$program"
      return
    fi
  done
  return 1
}

engine_install() {
  if at_least "$(candidate docker.io)" 24; then
    local -a names=(docker.io docker-buildx)
    if [[ -n $(candidate docker-cli) ]]; then names+=(docker-cli); fi
    packages "a Docker engine" "${names[@]}"
  else
    unpack docker.io="$DOCKER_VERSION*" docker-cli="$DOCKER_VERSION*"
  fi
  if ! has docker; then PATH=$PATH:$engine_bin/usr/bin; fi
}

# Stops the engine that engine_up started. Its images stay in the cache.
#   engine_stop PROCESS
engine_stop() {
  local process=$1
  if ! tr '\0' ' ' <"/proc/$process/cmdline" 2>/dev/null | grep -qF "$engine_socket"; then return; fi
  kill "$process"
  tail --pid="$process" -f /dev/null
}

buildx_install() {
  if [[ ! -x $docker_config/cli-plugins/docker-buildx ]]; then
    local plugin
    # Where apt has it, it is unpacked rather than installed: no root needed, nothing else changed.
    plugin=$engine_bin/usr/libexec/docker/cli-plugins/docker-buildx
    if at_least "$(candidate docker-buildx)" 0.13; then unpack --own docker-buildx; else
      unpack docker-buildx="$BUILDX_VERSION*"
    fi
    mkdir -p -- "$docker_config/cli-plugins"
    cp -f -- "$plugin" "$docker_config/cli-plugins/docker-buildx"
  fi
  # The user's logins and contexts stay in use.
  local users=${DOCKER_CONFIG:-$HOME/.docker} entry
  for entry in "$users"/*; do
    if [[ -e $entry && ! -e $docker_config/${entry##*/} ]]; then
      ln -s -- "$entry" "$docker_config/${entry##*/}"
    fi
  done
}

# Downloads packages and unpacks them under $engine_bin, without installing them. They come from
# Debian's suite $DOCKER_SUITE, through the mirror and the keys that this machine uses already, or with
# --own from the machine's own sources.
#   unpack [--own] PACKAGE[=VERSION]…
unpack() {
  local apt=$cache/docker/apt mirror signed
  local -a options=(-o APT::Sandbox::User=root)
  if [[ $1 == --own ]]; then shift; else
    has apt-get || die "no Docker engine answers, and there is no apt-get to install one" \
      "install and start Docker: https://docs.docker.com/engine/install/"
    # shellcheck disable=SC2016 # apt fills it in
    mirror=$(apt-get indextargets --no-release-info --format '$(REPO_URI)' 'Created-By: Packages' |
      grep -E '/debian/?$' | head -n 1) || die "apt knows no Debian mirror to install Docker from" \
      "install and start Docker: https://docs.docker.com/engine/install/"
    signed=/usr/share/keyrings/debian-archive-keyring.gpg
    mkdir -p -- "$apt/lists/partial" "$apt/cache/archives/partial"
    printf 'deb [signed-by=%s] %s %s main\n' "$signed" "$mirror" "$DOCKER_SUITE" >"$apt/sources.list"
    options+=(-o Dir::Etc::SourceList="$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null
      -o Dir::State::Lists="$apt/lists" -o Dir::Cache="$apt/cache")
    logged apt-update apt-get "${options[@]}" update
  fi
  step "Downloading $*"
  rm -rf -- "$apt/debs"
  mkdir -p -- "$apt/debs" "$engine_bin"
  (cd -- "$apt/debs" && logged apt-download apt-get "${options[@]}" download "$@")
  local deb
  for deb in "$apt/debs"/*.deb; do dpkg-deb --extract "$deb" "$engine_bin"; done
  rm -rf -- "$apt/debs"
}
