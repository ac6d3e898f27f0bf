#!/usr/bin/env bash
# Gets the programs that give second opinions on signatures and images: cosign 2 and 3, notation, crane, oras, umoci 0.6; and OpenSSL's
# provider for keys in PKCS#11 tokens.
#   tools/get-interop-tools.sh [--bin]    --bin prints only the folder with the programs
# They are unpacked from the packages of newer Debian suites, which depend on nothing but the C library. Nothing is installed: apt gets a
# private state whose source is the machine's own Debian archive with the suite changed, and checks its signatures as ever. Quick when
# everything is there; remove the folder to get newer versions. Exit status 77, with the reason, when they cannot be had.
set -euo pipefail

home="${XDG_DATA_HOME:-$HOME/.local/share}/imgforge/interop-tools"
bin="$home/bin"
# SUITE PACKAGE FILE NAME-HERE; forky moves, so tests print versions and expect behaviour.
wanted="
trixie cosign          usr/bin/cosign   cosign-2
forky  cosign          usr/bin/cosign   cosign-3
forky  notation        usr/bin/notation notation
forky  crane           usr/bin/crane    crane
forky  oras            usr/bin/oras     oras
forky  umoci           usr/bin/umoci    umoci
trixie pkcs11-provider usr/lib/x86_64-linux-gnu/ossl-modules/pkcs11.so pkcs11.so
"

cannot() {
  echo "SKIPPED: no interop tools: $*" >&2
  exit 77
}

names() { awk 'NF { print $4 }' <<<"$wanted"; }

complete() {
  local name
  for name in $(names); do [ -e "$bin/$name" ] || return 1; done
}

print_versions() {
  echo "interop tools in $bin:"
  local suite package file name
  while read -r suite package file name; do
    [ -n "$suite" ] || continue
    printf '  %-9s %s (%s)\n' "$name" "$(cat "$home/$suite/$package.version")" "$suite"
  done <<<"$wanted"
}

# apt with the private state of one suite.
private_apt() {
  local state="$1"
  shift
  "$@" -o "Dir::State=$state" -o "Dir::State::status=$state/status" -o "Dir::Cache=$state/cache" \
    -o "Dir::Etc::sourcelist=$state/sources.list" -o Dir::Etc::sourceparts=/dev/null \
    -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null \
    -o APT::Sandbox::User= -o APT::Architecture=amd64 -o APT::Architectures::=amd64 \
    -o Acquire::Languages=none -o Acquire::Retries=2 -o Acquire::http::Timeout=30 -o Acquire::https::Timeout=30
}

fetch_suite() {
  local suite="$1" state="$2"
  local packages
  packages="$(awk -v suite="$suite" '$1 == suite { print $2 }' <<<"$wanted" | sort -u)"
  mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$state/debs"
  : >"$state/status"
  echo "deb [signed-by=$keyring] $archive $suite main" >"$state/sources.list"
  private_apt "$state" apt-get -q update >"$state/log" 2>&1 || cannot "apt-get update for $suite: $(tail -n 1 "$state/log")"
  grep -q '^W: Failed\|^E:' "$state/log" && cannot "the archive has no $suite: $(grep -m 1 '^[WE]:' "$state/log")"
  # shellcheck disable=SC2086  # a list of words
  (cd "$state/debs" && private_apt "$state" apt-get -q download $packages) >"$state/log" 2>&1 ||
    cannot "apt-get download from $suite: $(tail -n 1 "$state/log")"
  mkdir -p "$home/$suite"
  local package deb
  for package in $packages; do
    deb="$(echo "$state"/debs/"${package}"_*.deb)"
    rm -rf "${home:?}/$suite/$package"
    dpkg-deb -x "$deb" "$home/$suite/$package"
    dpkg-deb -f "$deb" Version >"$home/$suite/$package.version"
  done
}

link_programs() {
  local suite package file name there
  mkdir -p "$bin"
  while read -r suite package file name; do
    [ -n "$suite" ] || continue
    there="$home/$suite/$package/$file"
    [ -e "$there" ] || cannot "the package $package of $suite has no $file"
    if [[ $file == usr/bin/* ]]; then
      "$there" --help >/dev/null 2>&1 || "$there" version >/dev/null 2>&1 || cannot "$there does not run here"
    fi
    ln -sfn "../$suite/$package/$file" "$bin/$name"
  done <<<"$wanted"
}

if ! complete; then
  [ "$(dpkg --print-architecture 2>/dev/null)" = amd64 ] || cannot "only amd64 packages are known to run"
  keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  [ -e "$keyring" ] || cannot "$keyring is missing (package debian-archive-keyring)"
  codename="$(. /etc/os-release && echo "${VERSION_CODENAME:-}")"
  # shellcheck disable=SC2016  # apt's own placeholders
  archive="$(apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
    awk -v suite="$codename" '$1 == suite && $2 == "main" { print $3; exit }')"
  [ -n "$archive" ] || cannot "this machine has no apt source for Debian ${codename:-(unknown)} main"
  mkdir -p "$home"
  exec 9>"$home/.lock"
  flock 9
  work="$(mktemp -d "$home/.apt-XXXXXX")"
  trap 'rm -rf "$work"' EXIT
  if ! complete; then
    for suite in $(awk 'NF { print $1 }' <<<"$wanted" | sort -u); do fetch_suite "$suite" "$work/$suite"; done
    link_programs
  fi
fi

if [ "${1:-}" = --bin ]; then echo "$bin"; else print_versions; fi
