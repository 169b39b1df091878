# Programs of PyPI, each in a virtual environment of its own.
# shellcheck shell=bash

# Prints a Python that is new enough, from the PATH, pyenv, or the distribution; or one that uv brings.
python_find() {
  local candidate
  for candidate in python3.14 python3.13 python3.12 python3 \
    "${PYENV_ROOT:-$HOME/.pyenv}"/versions/*/bin/python3 "$cache"/python/*/bin/python3; do
    # A shim of pyenv answers only for the version that is chosen, so each one is asked.
    if "$candidate" - "$PYTHON_AT_LEAST" 2>/dev/null <<'PYTHON'
import sys, venv, ensurepip
sys.exit(sys.version_info < tuple(map(int, sys.argv[1].split("."))))
PYTHON
    then
      "$candidate" -c 'import sys; print(sys.executable)'
      return
    fi
  done
  return 1
}

python_install() {
  if at_least "$(candidate python3)" "$PYTHON_AT_LEAST"; then
    packages "Python $PYTHON_AT_LEAST or later" python3 python3-venv
    return
  fi
  if ! python3 -c 'import venv, ensurepip' 2>/dev/null; then packages "Python" python3 python3-venv; fi
  step "Downloading Python $PYTHON_VERSION (this machine's is $(python3 --version | cut -d ' ' -f 2))"
  local uv=$cache/venv/uv-$UV_VERSION
  if [[ ! -x $uv/bin/uv ]]; then
    python3 -m venv "$uv"
    logged uv "$uv/bin/pip" install --disable-pip-version-check "uv==$UV_VERSION"
  fi
  logged python "$uv/bin/uv" python install --install-dir "$cache/python" --no-bin "$PYTHON_VERSION" ||
    die "there is no Python $PYTHON_AT_LEAST or later, and none could be downloaded" \
      "install one, so that python$PYTHON_AT_LEAST is on the PATH"
}

# Makes sure that the environment NAME has what requirements/NAME.txt pins. Its folder is what
# "venv_path NAME" prints.
venv_up() {
  local name=$1 path python
  path=$(venv_path "$name")
  # A Python that has gone takes the environments made from it along.
  [[ -e $path/complete ]] && "$path/bin/python" -c "" 2>/dev/null && return
  python=$(python_find) || { python_install && python=$(python_find); }
  step "Installing $name (Python packages, kept in $path)"
  # Another version's environment is of no more use.
  rm -rf -- "$cache/venv/$name"-*
  "$python" -m venv "$path"
  logged "pip-$name" "$path/bin/pip" install --disable-pip-version-check --no-deps \
    --requirement "$lib/requirements/$name.txt"
  touch -- "$path/complete"
}

venv_path() { printf '%s\n' "$cache/venv/$1-$(key "$lib/requirements/$1.txt")"; }
