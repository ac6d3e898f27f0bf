// The kernels' PTX as bytes of the program, terminated for cuModuleLoadDataEx. The assembler finds
// kernels.ptx through its include path.
#include "compute.h"

__asm__(
    ".section .rodata\n"
    ".global probe_ptx\n"
    ".hidden probe_ptx\n"
    ".type probe_ptx, @object\n"
    "probe_ptx:\n"
    ".incbin \"kernels.ptx\"\n"
    ".byte 0\n"
    ".size probe_ptx, . - probe_ptx\n"
    ".text\n");
