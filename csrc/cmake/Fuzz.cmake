# SPDX-License-Identifier: Apache-2.0
# fuzz/c/<target>.c is one libFuzzer executable, fuzz_<target>.
file(GLOB fuzz_sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/../fuzz/c/*.c")
foreach(source IN LISTS fuzz_sources)
  get_filename_component(target "${source}" NAME_WE)
  set(name "fuzz_${target}")
  add_executable(${name} "${source}")
  target_include_directories(${name} PRIVATE src)
  target_link_libraries(${name} PRIVATE handfast handfast_warnings)
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
endforeach()
