# Programs and data of npm: GitHub's contract, its mock, and the validator of action.yml.
# shellcheck shell=bash

npm_path=$cache/npm/$(key "$lib/npm/package.json" "$lib/npm/package-lock.json")

node_is_new_enough() {
  has npm && has node && at_least "$(node --version | tr -d v)" "$NODE_AT_LEAST"
}

# Makes sure that $npm_path/node_modules has what npm/package-lock.json pins.
npm_up() {
  node_is_new_enough || packages "the checks against GitHub's contract" nodejs npm
  node_is_new_enough || die "node $NODE_AT_LEAST or later and npm are needed" \
    "install them: https://nodejs.org/en/download"
  [[ -e $npm_path/complete ]] && return
  step "Installing GitHub's API description and its mock (npm packages, kept in $npm_path)"
  rm -rf -- "$cache/npm"
  mkdir -p -- "$npm_path"
  cp -- "$lib/npm/package.json" "$lib/npm/package-lock.json" "$npm_path"
  # Nothing in there needs a script of its own to be installed.
  logged npm npm ci --prefix "$npm_path" --ignore-scripts --no-audit --no-fund
  touch -- "$npm_path/complete"
}
