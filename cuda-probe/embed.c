// The kernels' PTX as bytes of the program, terminated for cuModuleLoadDataEx. The assembler finds
// the files through its include path.
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

__asm__(
    ".section .rodata\n"
    ".global probe_tensor_ptx\n"
    ".hidden probe_tensor_ptx\n"
    ".type probe_tensor_ptx, @object\n"
    "probe_tensor_ptx:\n"
    ".incbin \"tensor.ptx\"\n"
    ".byte 0\n"
    ".size probe_tensor_ptx, . - probe_tensor_ptx\n"
    ".text\n");

// The same for what the image's Python is to run (torch.c).
__asm__(
    ".section .rodata\n"
    ".global torch_check_py\n"
    ".hidden torch_check_py\n"
    ".type torch_check_py, @object\n"
    "torch_check_py:\n"
    ".incbin \"torch_check.py\"\n"
    ".byte 0\n"
    ".size torch_check_py, . - torch_check_py\n"
    ".text\n");
