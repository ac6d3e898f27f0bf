// SHA-256 (FIPS 180-4) of a text in memory.
#ifndef IMGFORGE_PROBE_SHA256_H
#define IMGFORGE_PROBE_SHA256_H

#include <stddef.h>

// "sha256:", 64 digits and the terminator.
enum { DIGEST_SIZE = 72 };

// The digest as manifests write it: "sha256:" and 64 lower-case digits.
void sha256_digest(const void* data, size_t size, char digest[DIGEST_SIZE]);

#endif
