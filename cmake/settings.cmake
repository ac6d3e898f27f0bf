# One interface target that every target of ours links: language level, warnings, hardening.
add_library(imgforge_settings INTERFACE)
target_compile_features(imgforge_settings INTERFACE cxx_std_20)
target_include_directories(imgforge_settings INTERFACE ${PROJECT_SOURCE_DIR}/src)
target_compile_options(imgforge_settings INTERFACE
  -Wall -Wextra -Wnon-virtual-dtor -Woverloaded-virtual -Wformat=2 -Wvla
  -Wno-missing-field-initializers  # designated initialisers leave the rest at its default
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>  # false positives on std::string in g++ 12 (GCC PR105651)
  -ffile-prefix-map=${PROJECT_SOURCE_DIR}=.
  $<$<BOOL:${IMGFORGE_DEVELOPER}>:-Werror>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_compile_options(imgforge_settings INTERFACE -Wno-gnu-statement-expression)
endif()
# Line tables only: backtraces have files and lines, and compiling takes half the time (measured:
# 14.6 s with -g, 7.7 s without, for a unit test with g++ 12). The debug preset has everything.
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1 -DNDEBUG")
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g1 -DNDEBUG")
set(CMAKE_CXX_EXTENSIONS ON)  # TRY is a statement expression
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
include(CheckPIESupported)
check_pie_supported()

if(IMGFORGE_SANITIZE)
  target_compile_options(imgforge_settings INTERFACE
    -fsanitize=${IMGFORGE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(imgforge_settings INTERFACE -fsanitize=${IMGFORGE_SANITIZE})
else()
  target_compile_options(imgforge_settings INTERFACE
    -fstack-protector-strong
    $<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE> $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=2>)
  target_link_options(imgforge_settings INTERFACE -Wl,-z,relro,-z,now)
endif()

# imgforge_room(NAME SOURCES ... USES ... [LIBRARIES ...]): one room of the house.
# USES names rooms below; LIBRARIES names third-party targets, always private to the room.
function(imgforge_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;USES;LIBRARIES" ${ARGN})
  add_library(imgforge_${name} STATIC ${ROOM_SOURCES})
  target_link_libraries(imgforge_${name} PUBLIC imgforge_settings tl::expected)
  foreach(used IN LISTS ROOM_USES)
    target_link_libraries(imgforge_${name} PUBLIC imgforge_${used})
  endforeach()
  target_link_libraries(imgforge_${name} PRIVATE ${ROOM_LIBRARIES})
endfunction()

# imgforge_room_test(NAME SOURCES ... [LIBRARIES ...]): unit tests that link that room alone.
function(imgforge_room_test name)
  cmake_parse_arguments(TEST "" "" "SOURCES;LIBRARIES" ${ARGN})
  add_executable(test_${name} ${PROJECT_SOURCE_DIR}/tests/catch_main.cpp ${TEST_SOURCES})
  target_include_directories(test_${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_compile_definitions(test_${name} PRIVATE IMGFORGE_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  target_compile_options(test_${name} PRIVATE $<$<CONFIG:RelWithDebInfo>:-O1>)  # compiled once, run once
  target_link_libraries(test_${name} PRIVATE imgforge_${name} Catch2::Catch2 ${TEST_LIBRARIES})
  add_test(NAME unit_${name} COMMAND test_${name})
  set_tests_properties(unit_${name} PROPERTIES LABELS unit)
endfunction()
