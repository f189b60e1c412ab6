# SPDX-License-Identifier: Apache-2.0
# fuzz/c/<target>.c is one libFuzzer executable, fuzz_<target>; with HANDFAST_FUZZ_PLAIN one
# without libFuzzer and sanitizers, plain_<target>, which counts cases at full speed.
# The tests' support code is there for targets that need certificates.
file(GLOB fuzz_support CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/tests/*.c")
list(FILTER fuzz_support EXCLUDE REGEX "/test_[^/]*$")
add_library(handfast_fuzz_support STATIC EXCLUDE_FROM_ALL ${fuzz_support})
target_include_directories(handfast_fuzz_support PUBLIC src tests)
target_link_libraries(handfast_fuzz_support PUBLIC handfast handfast_warnings)

file(GLOB fuzz_sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/../fuzz/c/*.c")
foreach(source IN LISTS fuzz_sources)
  get_filename_component(target "${source}" NAME_WE)
  if(HANDFAST_FUZZ_PLAIN)
    set(name "plain_${target}")
    add_executable(${name} "${source}" "${CMAKE_CURRENT_SOURCE_DIR}/../fuzz/plain.c")
  else()
    set(name "fuzz_${target}")
    add_executable(${name} "${source}")
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  endif()
  target_include_directories(${name} PRIVATE src)
  target_link_libraries(${name} PRIVATE handfast_fuzz_support handfast
    handfast_warnings)
endforeach()
