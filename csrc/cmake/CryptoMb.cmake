# SPDX-License-Identifier: Apache-2.0
# Signature lanes (Intel's crypto_mb), where the build can have them: x86-64 Linux with the
# packages ipp-crypto-static and ipp-crypto-include in the environment of a Python.
# Defines `handfast_crypto_mb`, which says HF_CRYPTO_MB=1 or 0 to the code, and for wheels
# HANDFAST_MB_VERSION and HANDFAST_MB_LICENCE.

set(HANDFAST_MB "AUTO" CACHE STRING "Signature lanes: AUTO (when the library is there), ON or OFF")
set_property(CACHE HANDFAST_MB PROPERTY STRINGS AUTO ON OFF)
set(HANDFAST_MB_PREFIX "" CACHE PATH
  "Where crypto_mb lies: a virtual environment or a prefix with lib and include; empty asks Python")

set(HANDFAST_MB_VERSION "")
set(HANDFAST_MB_LICENCE "")
set(mb_library "")
set(mb_headers "")
set(mb_why "")
set(mb_oldest 2.3.0) # what the self-test and Wycheproof were run with first

if(NOT HANDFAST_MB MATCHES "^(AUTO|ON|OFF)$")
  message(FATAL_ERROR "HANDFAST_MB is '${HANDFAST_MB}'; expected AUTO, ON or OFF")
elseif(HANDFAST_MB STREQUAL "OFF")
  set(mb_why "HANDFAST_MB is OFF")
elseif(NOT CMAKE_SYSTEM_NAME STREQUAL "Linux" OR NOT CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
  set(mb_why "crypto_mb is for Linux on x86-64")
elseif(HANDFAST_MB_PREFIX)
  set(mb_library "${HANDFAST_MB_PREFIX}/lib/libcrypto_mb.a")
  foreach(folder include/aggregator include)
    if(EXISTS "${HANDFAST_MB_PREFIX}/${folder}/crypto_mb/version.h" AND NOT mb_headers)
      set(mb_headers "${HANDFAST_MB_PREFIX}/${folder}")
    endif()
  endforeach()
  if(NOT EXISTS "${mb_library}" OR NOT mb_headers)
    set(mb_why "no libcrypto_mb.a with headers under HANDFAST_MB_PREFIX")
  endif()
else()
  find_package(Python 3.11 COMPONENTS Interpreter)
  if(Python_Interpreter_FOUND)
    execute_process(
      COMMAND "${Python_EXECUTABLE}" "${CMAKE_CURRENT_SOURCE_DIR}/../tools/crypto_mb.py"
      OUTPUT_VARIABLE mb_facts RESULT_VARIABLE mb_code ERROR_VARIABLE mb_error
      OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_STRIP_TRAILING_WHITESPACE)
    if(mb_code EQUAL 0)
      string(REPLACE "\n" ";" mb_facts "${mb_facts}")
      list(GET mb_facts 0 mb_library)
      list(GET mb_facts 1 mb_headers)
      list(GET mb_facts 2 HANDFAST_MB_LICENCE)
      list(GET mb_facts 3 HANDFAST_MB_VERSION)
    elseif(mb_code EQUAL 3)
      set(mb_why "${mb_error}")
    else()
      message(FATAL_ERROR "handfast: tools/crypto_mb.py failed with exit code ${mb_code}: ${mb_error}")
    endif()
  else()
    set(mb_why "no Python to ask, and no HANDFAST_MB_PREFIX")
  endif()
endif()

if(NOT mb_why)
  set(mb_version "")
  foreach(part MAJOR MINOR PATCH)
    file(STRINGS "${mb_headers}/crypto_mb/version.h" line REGEX "#define MBX_VER_${part}")
    string(REGEX MATCH "[0-9]+" number "${line}")
    list(APPEND mb_version ${number})
  endforeach()
  list(JOIN mb_version "." mb_version)
  # Older ones verify wrongly, in ways that their release notes name.
  if(mb_version VERSION_LESS mb_oldest)
    set(mb_why "crypto_mb ${mb_version} is older than ${mb_oldest}")
  endif()
endif()

add_library(handfast_crypto_mb INTERFACE)
if(mb_why)
  if(HANDFAST_MB STREQUAL "ON")
    message(FATAL_ERROR "handfast: HANDFAST_MB is ON, but ${mb_why}")
  endif()
  target_compile_definitions(handfast_crypto_mb INTERFACE HF_CRYPTO_MB=0)
  message(STATUS "handfast: no signature lanes (${mb_why})")
else()
  add_library(crypto_mb STATIC IMPORTED)
  # Its archive members mix what takes OpenSSL's types with what does not.
  set_target_properties(crypto_mb PROPERTIES IMPORTED_LOCATION "${mb_library}"
    INTERFACE_LINK_LIBRARIES OpenSSL::Crypto)
  target_compile_definitions(handfast_crypto_mb INTERFACE HF_CRYPTO_MB=1)
  target_include_directories(handfast_crypto_mb SYSTEM INTERFACE "${mb_headers}")
  target_link_libraries(handfast_crypto_mb INTERFACE crypto_mb)
  message(STATUS "handfast: signature lanes by crypto_mb ${mb_version}")
endif()
