# Base images for machines that reach no registry.
# shellcheck shell=bash

# Makes sure that the engine has the image NAME: its own, a registry's, or a stand-in made of this
# machine's packages and tagged with that name, which a Dockerfile builds on unchanged.
# Sets base_image_made to the name if it is a stand-in made now.
#   base_image NAME
base_image() {
  local name=$1
  base_image_made=
  docker image inspect "$name" >/dev/null 2>&1 && return
  if timeout 120 docker pull --quiet "$name" >/dev/null 2>&1; then return; fi
  case $name in
    busybox:*) busybox_image "$name" ;;
    docker:*-cli) docker_image "$name" ;;
    *) die "no registry is reachable to pull $name, and nothing here stands in for it" \
      "load it into the engine: docker load" ;;
  esac
  # shellcheck disable=SC2034 # for the caller
  base_image_made=$name
  say "$name cannot be pulled here: an image of this machine's programs stands in for it"
}

busybox_image() {
  local name=$1 folder=$cache/docker/busybox program applet
  program=$(busybox_program)
  rm -rf -- "$folder"
  mkdir -p -- "$folder"/{bin,etc,root,var} "$folder/tmp"
  chmod 1777 "$folder/tmp"
  cp -- "$program" "$folder/bin/busybox"
  for applet in $("$program" --list); do
    if [[ $applet != busybox ]]; then ln -s busybox "$folder/bin/$applet"; fi
  done
  printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' >"$folder/etc/passwd"
  printf 'root:x:0:\nnogroup:x:65534:\n' >"$folder/etc/group"
  tar --create --numeric-owner --owner 0 --group 0 --directory "$folder" . |
    docker import --change 'CMD ["sh"]' \
      --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' - "$name" \
      >/dev/null
  rm -rf -- "$folder"
}

# Prints where a static busybox is.
busybox_program() {
  local program=$engine_bin/bin/busybox
  if [[ ! -x $program ]]; then
    has apt-get || die "a stand-in for busybox needs the package busybox-static" "load busybox: docker load"
    [[ -n $(candidate busybox-static) ]] || die "apt knows no busybox-static" "run apt-get update"
    unpack --own busybox-static >&2
    # Newer distributions have it in usr/bin.
    if [[ ! -e $program ]]; then
      mkdir -p -- "$engine_bin/bin" && cp -- "$engine_bin/usr/bin/busybox" "$program"
    fi
  fi
  printf '%s\n' "$program"
}

# The docker client and its buildx as one file each, which need no C library, as in Docker's image.
docker_image() {
  local name=$1 folder=$cache/docker/cli bundle=/etc/ssl/certs/ca-certificates.crt
  local plugins=usr/local/libexec/docker/cli-plugins
  [[ -r $bundle ]] || packages "the stand-in for $name" ca-certificates
  venv_up static
  rm -rf -- "$folder"
  mkdir -p -- "$folder/usr/local/bin" "$folder/$plugins" "$folder/etc/ssl/certs"
  standalone "$(command -v docker)" "$folder/usr/local/bin/docker"
  standalone "$(buildx_program)" "$folder/$plugins/docker-buildx"
  cp -- "$bundle" "$folder/$bundle"
  tar --create --numeric-owner --owner 0 --group 0 --directory "$folder" . | docker import - "$name" >/dev/null
  rm -rf -- "$folder"
}

# Copies a program, with the libraries that it needs inside it.
standalone() {
  if ldd "$1" >/dev/null 2>&1; then
    PATH=$(venv_path static)/bin:$PATH logged staticx staticx --strip "$1" "$2"
  else
    cp -- "$1" "$2"
  fi
  chmod 755 -- "$2"
}

# Prints where docker finds buildx.
buildx_program() {
  local path
  path=$(docker info --format '{{range .ClientInfo.Plugins}}{{if eq .Name "buildx"}}{{.Path}}{{end}}{{end}}')
  [[ -x $path ]] || die "docker does not tell where its buildx is" "install the buildx plugin"
  printf '%s\n' "$path"
}
