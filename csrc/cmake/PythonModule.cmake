# SPDX-License-Identifier: Apache-2.0
# The cffi module handfast/_native: API mode, abi3 where there is one, and nothing
# exported but PyInit__native.

find_package(Python 3.11 REQUIRED COMPONENTS Interpreter Development.Module)

# What cffi reads, a part a file: native first, which the others build on.
set(generated "${CMAKE_CURRENT_BINARY_DIR}/native.c")
set(ffi "${CMAKE_CURRENT_SOURCE_DIR}/ffi")
file(GLOB cdef CONFIGURE_DEPENDS "${ffi}/*.cdef.h")
file(GLOB csrc CONFIGURE_DEPENDS "${ffi}/*.csrc.c")
foreach(kind cdef.h csrc.c)
  string(REGEX REPLACE "[.].*" "" parts "${kind}")
  list(REMOVE_ITEM ${parts} "${ffi}/native.${kind}")
  list(PREPEND ${parts} "${ffi}/native.${kind}")
endforeach()
add_custom_command(
  OUTPUT "${generated}"
  COMMAND "${CMAKE_COMMAND}" -E cat ${cdef} > ffi.cdef.h
  COMMAND "${CMAKE_COMMAND}" -E cat ${csrc} > ffi.csrc.c
  COMMAND "${Python_EXECUTABLE}" -m cffi.gen_src read-sources handfast._native
    ffi.cdef.h ffi.csrc.c "${generated}"
  WORKING_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}"
  DEPENDS ${cdef} ${csrc}
  VERBATIM)

add_library(native MODULE "${generated}")
# cffi's output is not ours to warn about; ffi sees handfast.h and nothing deeper.
target_link_libraries(native PRIVATE handfast)
target_include_directories(native PRIVATE ${Python_INCLUDE_DIRS})
set_target_properties(native PROPERTIES PREFIX "" OUTPUT_NAME "_native")
if(SKBUILD_SABI_VERSION)
  set_target_properties(native PROPERTIES SUFFIX ".abi3.so")
  target_compile_definitions(native PRIVATE Py_LIMITED_API=0x030B0000)
else()
  # Free-threaded Python has no stable ABI before 3.15.
  set_target_properties(native PROPERTIES SUFFIX ".${Python_SOABI}.so")
  target_compile_definitions(native PRIVATE _CFFI_NO_LIMITED_API)
endif()

if(APPLE)
  target_link_options(native PRIVATE -undefined dynamic_lookup
    -Wl,-exported_symbol,_PyInit__native)
else()
  set(exports "${CMAKE_CURRENT_SOURCE_DIR}/cmake/native.exports")
  # nodelete: handlers of fork and of ending threads stay with the process, so the code must.
  target_link_options(native PRIVATE -Wl,--exclude-libs,ALL "-Wl,--version-script=${exports}"
    -Wl,-z,nodelete -Wl,-z,noexecstack -Wl,-z,relro -Wl,-z,now -Wl,--gc-sections)
  set_property(TARGET native APPEND PROPERTY LINK_DEPENDS "${exports}")
endif()

install(TARGETS native LIBRARY DESTINATION handfast)

# What is inside, for scanners (PEP 770), and the licences that ask to be kept with it.
if(SKBUILD_STATE STREQUAL "wheel")
  set(bill "${CMAKE_CURRENT_BINARY_DIR}/handfast.cdx.json")
  set(lanes)
  if(TARGET crypto_mb)
    if(NOT HANDFAST_MB_VERSION)
      message(FATAL_ERROR "handfast: a wheel takes crypto_mb from the package ipp-crypto-static, "
        "whose version and licence go into it; unset HANDFAST_MB_PREFIX")
    endif()
    set(lanes --crypto-mb "${HANDFAST_MB_VERSION}")
    install(FILES "${HANDFAST_MB_LICENCE}" DESTINATION "${SKBUILD_METADATA_DIR}/licenses"
      RENAME CRYPTO_MB-LICENSE.txt)
  endif()
  set(allocator)
  if(TARGET pool)
    set(allocator --mimalloc)
    install(FILES "${HANDFAST_MIMALLOC_FOLDER}/LICENSE" DESTINATION "${SKBUILD_METADATA_DIR}/licenses"
      RENAME MIMALLOC-LICENSE.txt)
  endif()
  execute_process(
    COMMAND "${Python_EXECUTABLE}" "${CMAKE_CURRENT_SOURCE_DIR}/../tools/sbom.py"
      --handfast "${SKBUILD_PROJECT_VERSION_FULL}" --openssl "${OPENSSL_VERSION}"
      --origin "${HANDFAST_OPENSSL_KIND}" ${lanes} ${allocator} "${bill}"
    COMMAND_ERROR_IS_FATAL ANY)
  install(FILES "${bill}" DESTINATION "${SKBUILD_METADATA_DIR}/sboms")
  if(HANDFAST_OPENSSL_KIND STREQUAL "pinned")
    install(FILES "${prefix}/LICENSE.txt" DESTINATION "${SKBUILD_METADATA_DIR}/licenses"
      RENAME OPENSSL-LICENSE.txt)
  endif()
endif()
