// Force-included into every file: binds what moved between glibc libraries to the symbol versions
// of glibc 2.17 and older, so that a binary built on a new machine starts on an old one. Since
// glibc 2.34 these live in libc.so.6 under a new version; before, in libdl.so.2 under the old one,
// which a new glibc still provides.
#ifndef IMGFORGE_PROBE_ABI_H
#define IMGFORGE_PROBE_ABI_H

#if defined(__x86_64__)
#define ABI_FLOOR "GLIBC_2.2.5"
#elif defined(__aarch64__)
#define ABI_FLOOR "GLIBC_2.17"
#else
#error "the CUDA probe is for Linux on x86-64 and aarch64"
#endif

__asm__(".symver dlopen,dlopen@" ABI_FLOOR);
__asm__(".symver dlsym,dlsym@" ABI_FLOOR);
__asm__(".symver dlerror,dlerror@" ABI_FLOOR);
__asm__(".symver dladdr,dladdr@" ABI_FLOOR);

#endif
