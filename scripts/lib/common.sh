# What scripts/demo and scripts/test share: where things are, and how a step tells that it lives.
# shellcheck shell=bash

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd -P)
lib=$root/scripts/lib
: "${HOME:=$(getent passwd "$EUID" | cut -d : -f 6)}"
export HOME
cache=${ECS_PRIVATE_DEPLOY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ecs-private-deploy}
mkdir -p -- "$cache/log"
cache=$(cd -- "$cache" && pwd -P)
logs=$cache/log

# shellcheck source=scripts/lib/versions
. "$lib/versions"

if [[ -t 1 && -z ${NO_COLOR:-} ]]; then
  bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' plain=$'\e[0m'
else
  bold='' dim='' red='' plain=''
fi

# A new part of the work.
step() { printf '%s==> %s%s\n' "$bold" "$*" "$plain"; }

# A detail of it.
say() { printf '    %s\n' "$*"; }

# The end: what went wrong, and in further arguments what to do.
die() {
  printf '%serror:%s %s\n' "$red" "$plain" "$1" >&2
  shift
  if (($#)); then printf ' help: %s\n' "$@" >&2; fi
  exit 1
}

has() { command -v -- "$1" >/dev/null 2>&1; }

# Runs a command with its output in a file. A line now and then shows that it lives.
#   alive LOG COMMAND…
alive() {
  local log=$1 status=0 ticker started=$SECONDS
  shift
  : >"$log"
  (
    while sleep 15 >/dev/null 2>&1; do
      printf '    %s%4d s  %s%s\n' "$dim" $((SECONDS - started)) \
        "$(tail -n 1 -- "$log" | tr -d '\r' | cut -c 1-100)" "$plain"
    done
  ) &
  ticker=$!
  "$@" >>"$log" 2>&1 </dev/null || status=$?
  kill "$ticker" 2>/dev/null || true
  wait "$ticker" 2>/dev/null || true
  return "$status"
}

# The same for a command whose output matters only if it fails.
#   logged NAME COMMAND…
logged() {
  local log=$logs/$1.log status=0
  alive "$log" "${@:2}" || status=$?
  if ((status)); then
    tail -n 30 -- "$log" | sed 's/^/    | /'
    say "(all of it: $log)"
  fi
  return "$status"
}

# A short name for the contents of files and the words given, to key what is cached by it.
#   key FILE… [-- WORD…]
key() {
  local -a files=() words=()
  while (($#)) && [[ $1 != -- ]]; do files+=("$1") && shift; done
  if (($#)); then shift && words=("$@"); fi
  { cat -- "${files[@]}" /dev/null && printf '%s\n' "${words[@]}"; } | sha256sum | cut -c 1-12
}

# Runs a command as root.
as_root() {
  if ((EUID == 0)); then "$@"; else sudo -n -- "$@"; fi
}

is_root() { ((EUID == 0)) || { has sudo && sudo -n true 2>/dev/null; }; }

# Installs packages of this machine's own distribution.
#   packages WHY PACKAGE…
packages() {
  local why=$1
  shift
  has apt-get || die "$why needs the packages: $*" "install them; apt-get is not there to do it"
  is_root || die "$why needs the packages: $*" "install them, or run this as root"
  step "Installing $* (for $why)"
  logged apt-update as_root apt-get update
  logged apt-install as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install --yes --no-install-recommends "$@"
}

# The version of a package that the distribution would install; nothing where there is none.
candidate() {
  has apt-cache || return 0
  # A container's image comes without lists.
  if is_root && ! compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null; then
    logged apt-update as_root apt-get update >&2
  fi
  LC_ALL=C apt-cache policy "$1" 2>/dev/null | sed -n 's/^  Candidate: \([0-9].*\)/\1/p'
}

# Whether version $1 is at least $2.
at_least() { [[ $(printf '%s\n' "$2" "$1" | sort -V | head -n 1) == "$2" ]]; }

# A port that nothing listens on: the one given, if it is free, or another.
free_port() {
  local port=$1
  while (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((20000 + RANDOM % 20000)); done
  printf '%s\n' "$port"
}
