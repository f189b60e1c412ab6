# SPDX-License-Identifier: Apache-2.0
# How everything here is compiled: `handfast_flags` for all code of ours,
# `handfast_warnings` for the code we wrote ourselves (cffi's output is not).

find_package(Threads REQUIRED)

add_library(handfast_flags INTERFACE)
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
# -std=c11 hides POSIX, which the fd path and the clock need.
target_compile_definitions(handfast_flags INTERFACE _POSIX_C_SOURCE=200809L
  $<$<PLATFORM_ID:Darwin>:_DARWIN_C_SOURCE> $<$<PLATFORM_ID:Linux>:_DEFAULT_SOURCE>)
target_link_libraries(handfast_flags INTERFACE Threads::Threads)
# Errors carry __FILE__: as written from the source root, not where it was built.
target_compile_options(handfast_flags INTERFACE
  "-fmacro-prefix-map=${CMAKE_CURRENT_SOURCE_DIR}/src/="
  "-fmacro-prefix-map=${CMAKE_CURRENT_SOURCE_DIR}/=csrc/"
  "-fmacro-prefix-map=${CMAKE_CURRENT_BINARY_DIR}/=")

set(gnu FALSE)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  set(gnu TRUE)
endif()

set(instrumented FALSE)
if(HANDFAST_SANITIZE STREQUAL "address")
  set(instrument -fsanitize=address,undefined)
elseif(HANDFAST_SANITIZE STREQUAL "thread")
  set(instrument -fsanitize=thread)
elseif(HANDFAST_SANITIZE)
  message(FATAL_ERROR "HANDFAST_SANITIZE is '${HANDFAST_SANITIZE}'; "
    "expected nothing, 'address' or 'thread'")
endif()
if(HANDFAST_SANITIZE)
  set(instrumented TRUE)
  # No recovery: the first finding ends the test, so ctest cannot overlook it.
  target_compile_options(handfast_flags INTERFACE ${instrument} -fno-sanitize-recover=all
    -fno-omit-frame-pointer -g -O1)
  target_link_options(handfast_flags INTERFACE ${instrument})
endif()
if(HANDFAST_COVERAGE)
  set(instrumented TRUE)
  target_compile_options(handfast_flags INTERFACE --coverage -fprofile-update=atomic -O0 -g)
  target_link_options(handfast_flags INTERFACE --coverage)
endif()
if(HANDFAST_FUZZ)
  if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "HANDFAST_FUZZ needs clang's libFuzzer; set CC=clang, "
      "seen: ${CMAKE_C_COMPILER_ID}")
  endif()
  set(instrumented TRUE)
  target_compile_options(handfast_flags INTERFACE -fsanitize=fuzzer-no-link,address,undefined
    -fno-sanitize-recover=all -fno-omit-frame-pointer -g -O1)
  target_link_options(handfast_flags INTERFACE -fsanitize=address,undefined)
endif()

if(NOT instrumented)
  target_compile_options(handfast_flags INTERFACE -fstack-protector-strong
    $<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE> $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=2>)
endif()
if(HANDFAST_LTO AND NOT instrumented)
  if(gnu)
    # The warnings are about OpenSSL's own code, which is visible at link time.
    target_compile_options(handfast_flags INTERFACE -flto=auto)
    target_link_options(handfast_flags INTERFACE -flto=auto
      -Wno-stringop-overflow -Wno-free-nonheap-object)
  else()
    target_compile_options(handfast_flags INTERFACE -flto)
    target_link_options(handfast_flags INTERFACE -flto)
  endif()
elseif(gnu)
  # Without this gcc optimises OpenSSL's fat objects again at every link: a minute a test.
  target_link_options(handfast_flags INTERFACE -fno-lto)
endif()

add_library(handfast_warnings INTERFACE)
target_compile_options(handfast_warnings INTERFACE -Wall -Wextra -Wconversion -Wshadow -Wundef
  -Wvla -Wstrict-prototypes $<$<BOOL:${HANDFAST_WERROR}>:-Werror>)
