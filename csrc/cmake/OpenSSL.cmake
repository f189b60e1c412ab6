# SPDX-License-Identifier: Apache-2.0
# Chooses the OpenSSL: the pinned static build (tools/openssl.py makes or finds it), or
# the system's when HANDFAST_OPENSSL=system asks for it or no source has the tarball.
# Defines `handfast_openssl` and HANDFAST_OPENSSL_KIND ('pinned' or 'system').

# The build itself must not need Python when it is told where OpenSSL is.
set(HANDFAST_OPENSSL_PREFIX "" CACHE PATH "A finished pinned build; empty asks tools/openssl.py")

# A profile needs gcc, and without link-time optimisation it gives little; what is instrumented
# to find mistakes is built plainly.
set(variant lto)
if(HANDFAST_PGO AND gnu AND HANDFAST_LTO AND NOT instrumented)
  set(variant pgo)
endif()

set(prefix "${HANDFAST_OPENSSL_PREFIX}")
if(NOT prefix)
  find_package(Python 3.11 REQUIRED COMPONENTS Interpreter)
  # Output goes through as it comes: the first build takes two minutes.
  execute_process(
    COMMAND "${Python_EXECUTABLE}" "${CMAKE_CURRENT_SOURCE_DIR}/../tools/openssl.py"
      --variant ${variant}
    OUTPUT_VARIABLE prefix RESULT_VARIABLE code OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(code EQUAL 3)
    message(WARNING
      "handfast: the pinned OpenSSL cannot be had here (the reasons are above), so this build "
      "uses the SYSTEM's OpenSSL instead: slower handshakes, symbols of the distribution, and "
      "its security updates are not ours. Set HANDFAST_OPENSSL_TARBALL to a file, or "
      "HANDFAST_OPENSSL=system to choose this without the warning.")
    set(prefix "system")
  elseif(NOT code EQUAL 0)
    message(FATAL_ERROR "handfast: tools/openssl.py failed with exit code ${code}; see above")
  endif()
endif()
# Editing the pin must bring a new OpenSSL into an existing build directory.
file(GLOB training CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/training/*.[ch]")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
  "${CMAKE_CURRENT_SOURCE_DIR}/openssl.pin" ${training})

# Results of an earlier configuration would win over the choice just made.
foreach(name OPENSSL_INCLUDE_DIR OPENSSL_SSL_LIBRARY OPENSSL_CRYPTO_LIBRARY)
  unset(${name} CACHE)
endforeach()
if(prefix STREQUAL "system")
  set(HANDFAST_OPENSSL_KIND "system")
  set(HANDFAST_OPENSSL_BUILD "distribution")
  find_package(OpenSSL)
  if(NOT OPENSSL_FOUND)
    message(FATAL_ERROR "handfast: no OpenSSL with headers on this system; "
      "on Debian: apt-get install libssl-dev")
  endif()
else()
  set(HANDFAST_OPENSSL_KIND "pinned")
  # What the finished build says of itself, and what linking adds to it.
  file(READ "${prefix}/handfast-build.json" facts)
  string(JSON built ERROR_VARIABLE is_lto GET "${facts}" variant)
  set(HANDFAST_OPENSSL_BUILD "O3")
  if(is_lto STREQUAL "NOTFOUND" AND built STREQUAL "stock")
    string(APPEND HANDFAST_OPENSSL_BUILD ", stock")
  endif()
  if(HANDFAST_LTO AND NOT instrumented)
    string(APPEND HANDFAST_OPENSSL_BUILD ", LTO")
  endif()
  if(is_lto STREQUAL "NOTFOUND" AND built STREQUAL "pgo")
    string(APPEND HANDFAST_OPENSSL_BUILD ", PGO")
  endif()
  set(OPENSSL_USE_STATIC_LIBS TRUE)
  set(OPENSSL_INCLUDE_DIR "${prefix}/include" CACHE PATH "" FORCE)
  set(OPENSSL_SSL_LIBRARY "${prefix}/lib/libssl.a" CACHE FILEPATH "" FORCE)
  # Of the same sources; as system headers, because their warnings are not ours.
  set(HANDFAST_OPENSSL_INTERNAL_FLAGS
    "-isystem${prefix}/internal/ssl" "-isystem${prefix}/internal/include")
  set(OPENSSL_CRYPTO_LIBRARY "${prefix}/lib/libcrypto.a" CACHE FILEPATH "" FORCE)
  find_package(OpenSSL REQUIRED)
endif()

include("${CMAKE_CURRENT_LIST_DIR}/OpenSSLVersion.cmake")
message(STATUS "handfast: OpenSSL ${OPENSSL_VERSION} (${HANDFAST_OPENSSL_KIND}: ${HANDFAST_OPENSSL_BUILD})")

add_library(handfast_openssl INTERFACE)
target_link_libraries(handfast_openssl INTERFACE OpenSSL::SSL OpenSSL::Crypto)
