#!/usr/bin/env bash
# The README's commands on a bare Debian 12: a root made by debootstrap, with nothing in it but what debootstrap's
# smallest variant holds and a clone of the committed project.
#   tests/bare-machine.sh ROOT COMMAND...      for example: tests/bare-machine.sh /var/tmp/bare ./quickstart
# ROOT is made when it is not there (about 300 MB) and stays, so that a second command finds what the first one left; remove it
# by hand. Needs root, debootstrap and git. The machine's apt sources, pip configuration, name server and certificates are
# taken along, and whether its archive may have old lists: they say where packages come from here.
set -euo pipefail
cd "$(dirname "$0")/.."

[ $# -ge 2 ] || { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }
[ "$(id -u)" -eq 0 ] || { echo "bare-machine: needs root" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "bare-machine: needs debootstrap: apt-get install debootstrap" >&2; exit 1; }
root="$(realpath -m "$1")"
shift

if [ ! -e "$root/etc/debian_version" ]; then
  mirror="$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Codename: bookworm' | head -n 1)"
  [ -n "$mirror" ] || { echo "bare-machine: this machine's apt sources have no bookworm" >&2; exit 1; }
  debootstrap --variant=minbase bookworm "$root" "$mirror"
  rm -f "$root/etc/apt/sources.list"
  # Only the sources of Debian itself: what else this machine was given is not part of a bare one.
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/debian.sources; do
    [ -e "$file" ] && install -D -m 644 "$file" "$root$file"
  done
  git clone -q --no-hardlinks . "$root/root/imgforge"
fi
git -C "$root/root/imgforge" fetch -q "$PWD" HEAD
git -C "$root/root/imgforge" reset -q --hard FETCH_HEAD

# An archive that stands still, as snapshots do, has lists older than they allow.
apt-config dump Acquire::Check-Valid-Until | sed -n '/^Acquire::Check-Valid-Until /p' >"$root/etc/apt/apt.conf.d/99machine"
install -m 644 /etc/resolv.conf "$root/etc/resolv.conf"
install -m 644 /etc/hosts "$root/etc/hosts"
[ ! -e /etc/pip.conf ] || install -m 644 /etc/pip.conf "$root/etc/pip.conf"
install -D -m 644 /etc/ssl/certs/ca-certificates.crt "$root/etc/machine-certificates.crt"

# A machine of its own as far as programs see it: its root is the root (user namespaces refuse a mere chroot), and it has its own
# processes, so that whatever is left running ends with the command.
exec env -i HOME=/root TERM=dumb LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
  SSL_CERT_FILE=/etc/machine-certificates.crt PIP_CERT=/etc/machine-certificates.crt \
  CURL_CA_BUNDLE=/etc/machine-certificates.crt ${CI:+CI=$CI} \
  unshare --mount --pid --fork --kill-child --uts --ipc -- bash -euc '
    root="$1"; shift
    mount --bind "$root" "$root"
    cd "$root"
    mount -t proc proc proc
    mount --rbind /sys sys
    mount --rbind /dev dev
    mount -t tmpfs tmpfs run
    mkdir -p run/lock old-root
    hostname bare
    pivot_root . old-root
    umount -l /old-root
    cd /root/imgforge
    exec "$@"' bare-machine "$root" "$@"
