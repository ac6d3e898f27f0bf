# cmake -DMODULE=kernels|tensor -DIN=a.ptx -DOUT=b.ptx -P lower-ptx.cmake
#
# Rewrites the header of nvcc's PTX to .version 6.0 and the module's .target, so that every driver
# since R384 compiles it: kernels for every GPU since Pascal (sm_60), tensor for every GPU since Volta
# (sm_70). Comments are dropped (they name the toolkit). A header alone proves nothing: each opcode
# must be on the module's list of what PTX 6.0 for that target has. A list holds what the module uses;
# a new opcode is added here by whoever has read its "PTX ISA Notes".

cmake_minimum_required(VERSION 3.18)

set(version 6.0)
set(kernels_target sm_60)
set(kernels_opcodes
    add.s32 add.s64 bar.sync bra bra.uni cvt.u32.u64 cvt.u64.u32 cvta.to.global.u64 fma.rn.f32
    ld.global.f32 ld.global.u32 ld.param.u32 ld.param.u64 ld.shared.f32 mad.lo.s32 mov.b32 mov.b64
    mov.f32 mov.u32 mov.u64 mul.lo.s32 mul.lo.s64 mul.wide.u32 red.global.add.u64 red.global.min.u64
    red.global.or.b64 ret setp.eq.s32 setp.ge.u32 setp.lt.u32 setp.lt.u64 setp.ne.s32 shl.b32 shl.b64
    shr.u32 st.global.f32 st.global.u32 st.shared.f32 xor.b32)
# wmma without ".aligned": ptxas refuses the word before PTX 6.3, and its absence from there on.
set(tensor_target sm_70)
set(tensor_opcodes
    add.s32 add.s64 bra bra.uni cvt.u64.u32 ld.param.u32 ld.param.u64 mov.f32 mov.u32 mul.lo.s64
    mul.wide.u32 ret setp.eq.s32 setp.lt.u32 shl.b32 shl.b64 wmma.load.a.sync.row.m16n16k16.f16
    wmma.load.b.sync.row.m16n16k16.f16 wmma.mma.sync.row.row.m16n16k16.f32.f32
    wmma.store.d.sync.row.m16n16k16.f32)
set(directives .address_size .reg .shared .visible .param .version .target .pragma)

if(NOT MODULE MATCHES "^(kernels|tensor)$")
  message(FATAL_ERROR "-DMODULE=kernels or -DMODULE=tensor is needed, not '${MODULE}'")
endif()
set(target ${${MODULE}_target})
set(opcodes ${${MODULE}_opcodes})

file(READ "${IN}" text)
string(REGEX MATCH "release [0-9]+\\.[0-9]+, V[0-9.]+" toolkit "${text}")
string(REPLACE ";" "<end>" text "${text}")  # a semicolon would split CMake's lists
string(REGEX REPLACE "//[^\n]*" "" text "${text}")
string(REGEX REPLACE "[ \t]+\n" "\n" text "${text}")
string(REGEX REPLACE "\n\n+" "\n" text "${text}")
string(REGEX REPLACE "^\n+" "" text "${text}")

foreach(word version target)
  string(REGEX MATCHALL "\n?\\.${word} [^\n]*" found "${text}")
  list(LENGTH found count)
  if(NOT count EQUAL 1)
    message(FATAL_ERROR "${IN}: ${count} lines with .${word}, exactly one is expected")
  endif()
endforeach()
string(REGEX REPLACE "\\.version [^\n]*" ".version ${version}" text "${text}")
string(REGEX REPLACE "\\.target [^\n]*" ".target ${target}" text "${text}")

string(REPLACE "\n" ";" lines "${text}")
set(refused "")
foreach(line IN LISTS lines)
  string(REPLACE "<end>" "" line "${line}")
  string(STRIP "${line}" line)
  if(line MATCHES "^@!?%p[0-9]+[ \t]+(.*)$")
    set(line "${CMAKE_MATCH_1}")
  endif()
  if(line STREQUAL "" OR line MATCHES "^[(){}]+$" OR line MATCHES "^\\$[A-Za-z0-9_]+:$")
    continue()
  endif()
  string(REGEX MATCH "^[^ \t]+" word "${line}")
  if(NOT word IN_LIST opcodes AND NOT word IN_LIST directives)
    list(APPEND refused "${word}")
  endif()
endforeach()
if(refused)
  list(REMOVE_DUPLICATES refused)
  list(JOIN refused ", " refused)
  message(FATAL_ERROR "${IN}: not known to be in PTX ${version} for ${target}: ${refused}. "
                      "Keep the kernel simpler, or extend the list in lower-ptx.cmake after reading "
                      "the PTX ISA Notes of the instruction.")
endif()

string(REPLACE "<end>" ";" text "${text}")
string(STRIP "${text}" text)
file(WRITE "${OUT}" "// ${MODULE}.cu through nvcc ${toolkit} and lower-ptx.cmake; not edited by hand.\n"
                    "${text}\n")
