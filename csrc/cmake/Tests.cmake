# SPDX-License-Identifier: Apache-2.0
# tests/test_<module>_<x>.c is one executable and one ctest entry; every other .c file in
# tests/ is support code linked into all of them.

file(GLOB test_sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/tests/test_*.c")
file(GLOB support_sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/tests/*.c")
list(REMOVE_ITEM support_sources ${test_sources})

set(support)
if(support_sources)
  add_library(handfast_test_support OBJECT ${support_sources})
  target_include_directories(handfast_test_support PRIVATE src tests)
  target_link_libraries(handfast_test_support PRIVATE handfast handfast_warnings)
  set(support $<TARGET_OBJECTS:handfast_test_support>)
endif()

foreach(source IN LISTS test_sources)
  get_filename_component(name "${source}" NAME_WE)
  add_executable(${name} "${source}" ${support})
  target_include_directories(${name} PRIVATE src tests .)
  target_link_libraries(${name} PRIVATE handfast handfast_warnings)
  add_test(NAME ${name} COMMAND ${name})
  # Sweeps try thousands of places, and machines may be busy.
  if(name MATCHES "^test_faults_")
    set_tests_properties(${name} PROPERTIES TIMEOUT 600)
  else()
    set_tests_properties(${name} PROPERTIES TIMEOUT 120)
  endif()
endforeach()

# Which versions of OpenSSL the build refuses, and why.
set(version_script "${CMAKE_CURRENT_SOURCE_DIR}/cmake/OpenSSLVersion.cmake")
foreach(refused "1.1.1=too old" "4.0.0=CVE-2026-84783" "4.0.1=CVE-2026-84783"
    "4.0.2=CVE-2026-84783")
  string(REPLACE "=" ";" refused "${refused}")
  list(GET refused 0 version)
  list(GET refused 1 reason)
  add_test(NAME openssl_${version}_is_refused
    COMMAND "${CMAKE_COMMAND}" -D OPENSSL_VERSION=${version} -P "${version_script}")
  set_tests_properties(openssl_${version}_is_refused PROPERTIES PASS_REGULAR_EXPRESSION "${reason}")
endforeach()
foreach(version 3.0.0 3.5.7 4.0.3)
  add_test(NAME openssl_${version}_is_taken
    COMMAND "${CMAKE_COMMAND}" -D OPENSSL_VERSION=${version} -P "${version_script}")
endforeach()

# A check is worth something when a test fails without it. Each file of tests/blind takes one check
# out of a source file of the engine and is linked before the engine, in that file's place; the
# test that it names must then fail, and with the words that it expects.
file(GLOB blind_sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/tests/blind/*.c")
foreach(source IN LISTS blind_sources)
  get_filename_component(name "${source}" NAME_WE)
  foreach(word EXPECT RUNS)
    file(STRINGS "${source}" ${word} REGEX "${word}: ")
    string(REGEX REPLACE ".*${word}: (.*) \\*/.*" "\\1" ${word} "${${word}}")
  endforeach()
  add_executable(blind_${name} "tests/${RUNS}.c" "${source}" ${support})
  target_include_directories(blind_${name} PRIVATE src tests)
  target_link_libraries(blind_${name} PRIVATE handfast handfast_warnings)
  add_test(NAME blind_${name} COMMAND "${CMAKE_COMMAND}" -D PROGRAM=$<TARGET_FILE:blind_${name}>
    -D "EXPECTED=${EXPECT}" -P "${CMAKE_CURRENT_SOURCE_DIR}/cmake/ExpectReport.cmake")
  set_tests_properties(blind_${name} PROPERTIES TIMEOUT 120)
endforeach()

# A sanitizer that finds nothing proves nothing unless it is seen to find something.
if(HANDFAST_SANITIZE)
  file(GLOB negative_sources CONFIGURE_DEPENDS
    "${CMAKE_CURRENT_SOURCE_DIR}/tests/negative/${HANDFAST_SANITIZE}_*.c")
  foreach(source IN LISTS negative_sources)
    get_filename_component(name "${source}" NAME_WE)
    # The report text that must appear stands in the source, next to the fault.
    file(STRINGS "${source}" expected REGEX "EXPECT: ")
    string(REGEX REPLACE ".*EXPECT: (.*) \\*/.*" "\\1" expected "${expected}")
    add_executable(negative_${name} "${source}")
    target_link_libraries(negative_${name} PRIVATE handfast)
    add_test(NAME negative_${name} COMMAND "${CMAKE_COMMAND}" -D PROGRAM=$<TARGET_FILE:negative_${name}>
      -D "EXPECTED=${expected}" -P "${CMAKE_CURRENT_SOURCE_DIR}/cmake/ExpectReport.cmake")
    set_tests_properties(negative_${name} PROPERTIES TIMEOUT 60)
  endforeach()
endif()
