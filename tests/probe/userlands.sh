#!/bin/sh
# userlands.sh PROBE FAKES ROOT...: runs the probe in other userlands, by chroot (so as root): each ROOT
# is a root file system of any glibc distribution since 2.17, such as debootstrap makes
#   debootstrap --variant=minbase bullseye ROOT URI-OF-THE-ARCHIVE
# Without a driver it has to say so (3), with the fake one to pass (0). FAKES is the build's folder of
# fake libraries. A ROOT without glibc's loader (Alpine) has to fail to start, and is said so.
set -eu
[ $# -ge 3 ] || { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }
probe=$1 fakes=$2
shift 2
failures=0
for root in "$@"; do
    name=$(. "$root/etc/os-release" && echo "$PRETTY_NAME")
    place=$(mktemp -d "$root/tmp/probe.XXXXXX")
    inside=/tmp/${place##*/}
    cp "$probe" "$place/imgforge-probe"
    cp "$fakes/libfake_cuda.so" "$place/libcuda.so.1"
    cp "$fakes/libfake_nvml.so" "$place/libnvidia-ml.so.1"
    # Tests for a link too: it may be absolute, and lead nowhere from here.
    loader=no
    for file in lib64/ld-linux-x86-64.so.2 lib/ld-linux-aarch64.so.1; do
        if [ -e "$root/$file" ] || [ -L "$root/$file" ]; then loader=yes; fi
    done
    if [ "$loader" = no ]; then
        code=0
        chroot "$root" "$inside/imgforge-probe" >/dev/null 2>&1 || code=$?
        if [ "$code" = 127 ]; then
            echo "ok   $name: no glibc, does not start (127), and no NVIDIA library would either"
        else
            echo "FAIL $name: $code without glibc's loader" && failures=$((failures + 1))
        fi
        rm -rf "$place"
        continue
    fi
    none=0 fake=0
    chroot "$root" "$inside/imgforge-probe" --json >"$place/none.json" || none=$?
    chroot "$root" /usr/bin/env LD_LIBRARY_PATH="$inside" "$inside/imgforge-probe" --json \
        >"$place/fake.json" || fake=$?
    glibc=$(sed -n 's/.*"glibc": "\([^"]*\)".*/\1/p' "$place/none.json")
    if [ "$none" = 3 ] && [ "$fake" = 0 ]; then
        echo "ok   $name, glibc $glibc: 3 without a driver, 0 with the fake one"
    else
        echo "FAIL $name, glibc $glibc: $none without a driver (3), $fake with the fake one (0)"
        cat "$place/fake.json"
        failures=$((failures + 1))
    fi
    rm -rf "$place"
done
exit $((failures > 0))
