# SPDX-License-Identifier: Apache-2.0
# Which OpenSSL versions the engine may be built with. A script of its own, so that the
# refusals are tested: cmake -D OPENSSL_VERSION=4.0.1 -P OpenSSLVersion.cmake

if(OPENSSL_VERSION VERSION_LESS 3.0)
  message(FATAL_ERROR "handfast: OpenSSL ${OPENSSL_VERSION} is too old; 3.0 or newer is needed")
endif()
if(OPENSSL_VERSION VERSION_GREATER_EQUAL 4.0.0 AND OPENSSL_VERSION VERSION_LESS_EQUAL 4.0.2)
  message(FATAL_ERROR "handfast: OpenSSL ${OPENSSL_VERSION} has CVE-2026-84783; "
    "use 4.0.3 or newer, or the pinned build (unset HANDFAST_OPENSSL)")
endif()
