# SPDX-License-Identifier: Apache-2.0
# Our own allocator (csrc/pool on the pinned mimalloc), where the build wants one: Linux, with
# the pinned OpenSSL. Defines `handfast_pool`, which says HF_MIMALLOC to the code when it is
# there, and for wheels HANDFAST_MIMALLOC_VERSION and HANDFAST_MIMALLOC_FOLDER.

if(in_wheel)
  set(malloc_default AUTO)
else()
  set(malloc_default system)
endif()
set(HANDFAST_MALLOC "${malloc_default}" CACHE STRING
  "Who allocates: mimalloc, system (the C library), or AUTO (mimalloc where it can be had)")
set_property(CACHE HANDFAST_MALLOC PROPERTY STRINGS AUTO mimalloc system)

set(HANDFAST_MIMALLOC_VERSION "")
set(pool_why "")
if(NOT HANDFAST_MALLOC MATCHES "^(AUTO|mimalloc|system)$")
  message(FATAL_ERROR "HANDFAST_MALLOC is '${HANDFAST_MALLOC}'; expected AUTO, mimalloc or system")
elseif(HANDFAST_MALLOC STREQUAL "system")
  set(pool_why "HANDFAST_MALLOC is system")
elseif(instrumented)
  # Their own allocators are what finds mistakes.
  set(pool_why "the build is instrumented")
elseif(NOT CMAKE_SYSTEM_NAME STREQUAL "Linux")
  set(pool_why "it needs membarrier(2) of Linux")
elseif(NOT HANDFAST_OPENSSL_KIND STREQUAL "pinned")
  set(pool_why "a system's OpenSSL is shared with others, and so is its allocator")
else()
  find_package(Python 3.11 COMPONENTS Interpreter)
  if(Python_Interpreter_FOUND)
    execute_process(
      COMMAND "${Python_EXECUTABLE}" "${CMAKE_CURRENT_SOURCE_DIR}/../tools/mimalloc.py"
      OUTPUT_VARIABLE pool_facts RESULT_VARIABLE pool_code OUTPUT_STRIP_TRAILING_WHITESPACE)
    if(pool_code EQUAL 0)
      string(REPLACE "\n" ";" pool_facts "${pool_facts}")
      list(GET pool_facts 0 HANDFAST_MIMALLOC_FOLDER)
      list(GET pool_facts 1 HANDFAST_MIMALLOC_VERSION)
      list(GET pool_facts 2 pool_secure)
    elseif(pool_code EQUAL 3)
      set(pool_why "its sources cannot be had here; see above")
    else()
      message(FATAL_ERROR "handfast: tools/mimalloc.py failed with exit code ${pool_code}")
    endif()
  else()
    set(pool_why "no Python to get it with")
  endif()
endif()
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
  "${CMAKE_CURRENT_SOURCE_DIR}/mimalloc.pin")

add_library(handfast_pool INTERFACE)
if(pool_why)
  if(HANDFAST_MALLOC STREQUAL "mimalloc")
    message(FATAL_ERROR "handfast: HANDFAST_MALLOC is mimalloc, but ${pool_why}")
  endif()
  message(STATUS "handfast: the C library's allocator (${pool_why})")
else()
  add_library(pool STATIC pool/gate.c pool/pool.c)
  target_include_directories(pool PRIVATE src)
  target_link_libraries(pool PUBLIC handfast_flags)
  target_include_directories(pool SYSTEM PRIVATE
    "${HANDFAST_MIMALLOC_FOLDER}/src" "${HANDFAST_MIMALLOC_FOLDER}/include")
  # mimalloc is written in the compiler's dialect of C. In a loaded library, initial-exec would
  # take from the little room that a process keeps for such variables.
  set_target_properties(pool PROPERTIES C_EXTENSIONS ON)
  target_compile_options(pool PRIVATE -ftls-model=local-dynamic
    "-fmacro-prefix-map=${HANDFAST_MIMALLOC_FOLDER}/=mimalloc/")
  target_compile_definitions(pool PRIVATE MI_SECURE=${pool_secure} NDEBUG=1
    HF_MIMALLOC_VERSION="${HANDFAST_MIMALLOC_VERSION}")
  target_compile_definitions(handfast_pool INTERFACE HF_MIMALLOC)
  target_link_libraries(handfast_pool INTERFACE pool)
  message(STATUS "handfast: mimalloc ${HANDFAST_MIMALLOC_VERSION}, secure level ${pool_secure}")
endif()
