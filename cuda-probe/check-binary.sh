#!/bin/sh
# check-binary.sh OBJDUMP BINARY: runs after every link. The probe starts in any glibc userland since
# 2.17 only if it needs no newer symbol version and no library but libc and libdl.
set -eu
objdump=$1
binary=$2
fail() { echo "check-binary: $binary: $*" >&2; rm -f "$binary"; exit 1; }

needed=$("$objdump" -p "$binary" | awk '$1 == "NEEDED" { print $2 }')
[ -n "$needed" ] || fail "needs no library at all: is it static?"
for library in $needed; do
    case $library in
        libc.so.6|libdl.so.2) ;;
        ld-linux-x86-64.so.2|ld-linux-aarch64.so.1) ;;
        *) fail "needs $library; only libc.so.6 and libdl.so.2 are everywhere" ;;
    esac
done
case $needed in *libdl.so.2*) ;; *) fail "does not need libdl.so.2, where an old glibc has dlopen" ;; esac

"$objdump" -T "$binary" | awk '
    $0 ~ /\*UND\*/ {
        for (i = 1; i <= NF; i++) if ($i ~ /GLIBC_/) {
            version = $i; gsub(/[()]/, "", version); sub(/^GLIBC_/, "", version)
            split(version, part, ".")
            if (version !~ /^[0-9.]+$/ || part[1] > 2 || part[2] > 17) { print "  " $NF " " version; bad = 1 }
            seen++
        }
    }
    END { if (!seen) print "  no versioned symbol found"; exit bad || !seen }' >&2 ||
    fail "needs symbols newer than GLIBC_2.17 (above); see abi.h"
