# SPDX-License-Identifier: Apache-2.0
# Runs a program that holds a planted fault: it must fail, and with the right report.
#   cmake -D PROGRAM=... -D EXPECTED="text" -P ExpectReport.cmake
execute_process(COMMAND "${PROGRAM}" RESULT_VARIABLE code OUTPUT_VARIABLE out ERROR_VARIABLE err)
if(code EQUAL 0)
  message(FATAL_ERROR "the planted fault went unnoticed: ${PROGRAM} ended with 0")
endif()
string(FIND "${err}" "${EXPECTED}" found)
if(EXPECTED STREQUAL "" OR found EQUAL -1)
  message(FATAL_ERROR "ended with ${code}, but its report lacks '${EXPECTED}':\n${err}")
endif()
message(STATUS "found as it should be: ${EXPECTED}")
