# Rebuilds the kernels where there is an nvcc: target probe_ptx makes kernels.ptx anew in the build
# folder and lets ptxas compile it, and the checked-in file, for every GPU that the toolkit knows. The
# program itself always embeds the checked-in file.
find_program(IMGFORGE_NVCC nvcc HINTS ENV CUDA_PATH ENV CUDA_HOME
  PATHS /usr/local/cuda PATH_SUFFIXES bin)

if(NOT IMGFORGE_NVCC)
  message(WARNING "no nvcc: the probe embeds the checked-in cuda-probe/kernels.ptx, and nothing here "
    "checks that it belongs to kernels.cu. cuda-probe/get-nvcc.sh DIR fetches one (84 MB); then "
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
list(GET archs 0 lowest)
get_filename_component(toolkit ${IMGFORGE_NVCC} DIRECTORY)
find_program(IMGFORGE_PTXAS ptxas HINTS ${toolkit} NO_DEFAULT_PATH)
if(NOT IMGFORGE_PTXAS)
  message(FATAL_ERROR "there is no ptxas beside ${IMGFORGE_NVCC}")
endif()
message(STATUS "CUDA probe: kernels are checked with ${IMGFORGE_NVCC} (compute_${lowest}), "
               "ptxas for sm_: ${archs}")

# -ccbin: Debian's toolkit puts wrappers of gcc into nvcc's own path that refuse to work where
# clang-14 was installed in gcc's stead. For --ptx any g++ will do.
find_program(IMGFORGE_NVCC_HOST NAMES g++ c++ clang++)
set(ptx ${CMAKE_CURRENT_BINARY_DIR}/kernels.ptx)
add_custom_command(OUTPUT ${ptx}
  COMMAND ${IMGFORGE_NVCC} --ptx -O3 -arch=compute_${lowest} -ccbin ${IMGFORGE_NVCC_HOST}
          -allow-unsupported-compiler -o ${ptx}.raw ${CMAKE_CURRENT_SOURCE_DIR}/kernels.cu
  COMMAND ${CMAKE_COMMAND} -DIN=${ptx}.raw -DOUT=${ptx}
          -P ${CMAKE_CURRENT_SOURCE_DIR}/lower-ptx.cmake
  DEPENDS kernels.cu lower-ptx.cmake
  COMMENT "Compiling the probe's kernels" VERBATIM)
set(checks "")
foreach(arch IN LISTS archs)
  list(APPEND checks
    COMMAND ${IMGFORGE_PTXAS} -arch=sm_${arch} -o ${ptx}.cubin ${ptx}
    COMMAND ${IMGFORGE_PTXAS} -arch=sm_${arch} -o ${ptx}.cubin
            ${CMAKE_CURRENT_SOURCE_DIR}/kernels.ptx)
endforeach()
add_custom_command(OUTPUT ${ptx}.checked
  ${checks}
  COMMAND ${CMAKE_COMMAND} -E touch ${ptx}.checked
  DEPENDS ${ptx} kernels.ptx
  COMMENT "Assembling the probe's kernels for every architecture" VERBATIM)
add_custom_target(probe_ptx DEPENDS ${ptx}.checked)
set(IMGFORGE_PROBE_PTX ${ptx} CACHE INTERNAL "kernels.ptx as rebuilt here")
