#!/bin/sh
# test_gate.sh PROBE CC OBJDUMP: the link gate lets the probe pass, and refuses what must not go into
# images: symbols of a new glibc, another library, a static program.
set -eu
probe=$1 cc=$2 objdump=$3
gate=$(dirname "$0")/../../cuda-probe/check-binary.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "test_gate: $*" >&2; exit 1; }

cp "$probe" "$work/good"
sh "$gate" "$objdump" "$work/good" || fail "refuses the probe itself"
[ -e "$work/good" ] || fail "removed a good binary"
size=$(wc -c <"$work/good")
[ "$size" -lt 1000000 ] || fail "the probe has $size bytes; an image may spend 1 MB on it"
for word in "$PWD" "${HOME:-/nonexistent}/" /tmp/; do
    ! grep -qaF "$word" "$work/good" || fail "the probe holds a path of this machine: $word"
done

refuses() {
    name=$1 words=$2
    shift 2
    "$cc" -o "$work/$name" "$work/main.c" "$@" 2>/dev/null || { echo "test_gate: cannot link $name here" >&2; return; }
    ! sh "$gate" "$objdump" "$work/$name" 2>"$work/said" || fail "lets $name pass"
    grep -q "$words" "$work/said" || fail "$name is refused for another reason: $(cat "$work/said")"
    [ ! -e "$work/$name" ] || fail "leaves the refused $name behind"
}
printf '#define _GNU_SOURCE\n#include <sys/random.h>\nint main(void) { char c; return (int)getrandom(&c, 1, 0) < 0; }\n' >"$work/main.c"
refuses new_symbol "newer than GLIBC_2.17" -Wl,--no-as-needed -l:libdl.so.2
refuses other_library "needs libm.so.6" -Wl,--no-as-needed -l:libm.so.6
refuses without_libdl "does not need libdl" -Wl,--as-needed
refuses static "static" -static
