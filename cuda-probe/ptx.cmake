# Rebuilds the kernels where there is an nvcc: target probe_ptx makes kernels.ptx and tensor.ptx anew
# in the build folder and lets ptxas compile them, and the checked-in files, for every GPU that the
# toolkit knows (tensor.ptx: from compute capability 7.0 on). The program itself always embeds the
# checked-in files.
find_program(IMGFORGE_NVCC nvcc HINTS ENV CUDA_PATH ENV CUDA_HOME
  PATHS /usr/local/cuda PATH_SUFFIXES bin)

if(NOT IMGFORGE_NVCC)
  message(WARNING "no nvcc: the probe embeds the checked-in PTX of cuda-probe/, and nothing here "
    "checks that it belongs to kernels.cu and tensor.cu. cuda-probe/get-nvcc.sh DIR fetches one (84 MB); then "
    "configure with -DIMGFORGE_NVCC=DIR/bin/nvcc.")
  return()
endif()

execute_process(COMMAND ${IMGFORGE_NVCC} --list-gpu-arch
  OUTPUT_VARIABLE listed RESULT_VARIABLE result ERROR_QUIET)
string(REGEX MATCHALL "compute_[0-9]+" listed "${listed}")
set(archs "")
foreach(arch IN LISTS listed)
  string(REPLACE "compute_" "" arch ${arch})
  if(arch GREATER_EQUAL 60)
    list(APPEND archs ${arch})
  endif()
endforeach()
list(SORT archs COMPARE NATURAL)
if(NOT result EQUAL 0 OR NOT archs)
  message(FATAL_ERROR "${IMGFORGE_NVCC} --list-gpu-arch names no architecture from 60 on")
endif()
get_filename_component(toolkit ${IMGFORGE_NVCC} DIRECTORY)
set(ptxas ${toolkit}/ptxas)
if(NOT EXISTS ${ptxas})
  message(FATAL_ERROR "there is no ptxas beside ${IMGFORGE_NVCC}")
endif()
message(STATUS "CUDA probe: kernels are checked with ${IMGFORGE_NVCC}, ptxas for sm_: ${archs}")

# -ccbin: Debian's toolkit puts wrappers of gcc into nvcc's own path that refuse to work where
# clang-14 was installed in gcc's stead. For --ptx any g++ will do.
find_program(IMGFORGE_NVCC_HOST NAMES g++ c++ clang++)

# probe_module(NAME FROM): rebuilds NAME.ptx from NAME.cu for the lowest architecture from FROM on that
# the toolkit compiles for, and assembles both texts for all of them.
set(rebuilt "")
set(checked "")
function(probe_module name from)
  set(mine "")
  foreach(arch IN LISTS archs)
    if(arch GREATER_EQUAL from)
      list(APPEND mine ${arch})
    endif()
  endforeach()
  list(GET mine 0 lowest)
  set(ptx ${CMAKE_CURRENT_BINARY_DIR}/${name}.ptx)
  add_custom_command(OUTPUT ${ptx}
    COMMAND ${IMGFORGE_NVCC} --ptx -O3 -arch=compute_${lowest} -ccbin ${IMGFORGE_NVCC_HOST}
            -allow-unsupported-compiler -o ${ptx}.raw ${CMAKE_CURRENT_SOURCE_DIR}/${name}.cu
    COMMAND ${CMAKE_COMMAND} -DMODULE=${name} -DIN=${ptx}.raw -DOUT=${ptx}
            -P ${CMAKE_CURRENT_SOURCE_DIR}/lower-ptx.cmake
    DEPENDS ${name}.cu lower-ptx.cmake
    COMMENT "Compiling the probe's ${name}.cu" VERBATIM)
  set(checks "")
  foreach(arch IN LISTS mine)
    list(APPEND checks
      COMMAND ${ptxas} -arch=sm_${arch} -o ${ptx}.cubin ${ptx}
      COMMAND ${ptxas} -arch=sm_${arch} -o ${ptx}.cubin
              ${CMAKE_CURRENT_SOURCE_DIR}/${name}.ptx)
  endforeach()
  add_custom_command(OUTPUT ${ptx}.checked
    ${checks}
    COMMAND ${CMAKE_COMMAND} -E touch ${ptx}.checked
    DEPENDS ${ptx} ${name}.ptx
    COMMENT "Assembling the probe's ${name}.ptx for every architecture" VERBATIM)
  set(rebuilt ${rebuilt} ${ptx} PARENT_SCOPE)
  set(checked ${checked} ${ptx}.checked PARENT_SCOPE)
endfunction()
probe_module(kernels 60)
probe_module(tensor 70)
add_custom_target(probe_ptx DEPENDS ${checked})
set(IMGFORGE_PROBE_PTX ${rebuilt} CACHE INTERNAL "the modules as rebuilt here")
