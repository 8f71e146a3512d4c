# Options, messages and exit codes.
find_program(GUEST_CC aarch64-linux-gnu-gcc)
add_test(NAME cli COMMAND ${CMAKE_CURRENT_LIST_DIR}/run.sh $<TARGET_FILE:anyarch> ${PROJECT_BINARY_DIR}/test/cli
    $<$<BOOL:${GUEST_CC}>:${GUEST_CC}> COMMAND_EXPAND_LISTS)
set_tests_properties(cli PROPERTIES LABELS "cli;program" TIMEOUT 120)
add_test(NAME cli.binfmt COMMAND ${CMAKE_CURRENT_LIST_DIR}/binfmt.sh $<TARGET_FILE:anyarch>
    ${PROJECT_BINARY_DIR}/test/cli-binfmt $<$<BOOL:${GUEST_CC}>:${GUEST_CC}> COMMAND_EXPAND_LISTS)
set_tests_properties(cli.binfmt PROPERTIES LABELS "cli;program" TIMEOUT 120)
# The same program native and translated.
if(GUEST_CC)
    add_test(NAME cli.exec_cases COMMAND ${CMAKE_CURRENT_LIST_DIR}/exec_cases.sh $<TARGET_FILE:anyarch>
        ${PROJECT_BINARY_DIR}/test/exec_cases ${CMAKE_C_COMPILER} ${GUEST_CC})
    set_tests_properties(cli.exec_cases PROPERTIES LABELS "cli;program" TIMEOUT 120)
    add_test(NAME cli.call_cases COMMAND ${CMAKE_CURRENT_LIST_DIR}/call_cases.sh $<TARGET_FILE:anyarch>
        ${PROJECT_BINARY_DIR}/test/call_cases ${CMAKE_C_COMPILER} ${GUEST_CC})
    set_tests_properties(cli.call_cases PROPERTIES LABELS "cli;program" TIMEOUT 120 SKIP_RETURN_CODE 77)
    add_test(NAME cli.core_cases COMMAND ${CMAKE_CURRENT_LIST_DIR}/core_cases.sh $<TARGET_FILE:anyarch>
        ${PROJECT_BINARY_DIR}/test/core_cases ${CMAKE_C_COMPILER} ${GUEST_CC})
    set_tests_properties(cli.core_cases PROPERTIES LABELS "cli;program" TIMEOUT 120 SKIP_RETURN_CODE 77)
    add_test(NAME cli.perf COMMAND ${CMAKE_CURRENT_LIST_DIR}/perf.sh $<TARGET_FILE:anyarch> ${PROJECT_BINARY_DIR}/test/perf ${GUEST_CC})
    set_tests_properties(cli.perf PROPERTIES LABELS "cli;program" TIMEOUT 60 SKIP_RETURN_CODE 77)
    add_test(NAME cli.oom COMMAND ${CMAKE_CURRENT_LIST_DIR}/oom.sh $<TARGET_FILE:anyarch> ${PROJECT_BINARY_DIR}/test/oom ${GUEST_CC})
    set_tests_properties(cli.oom PROPERTIES LABELS "cli;program" TIMEOUT 180 SKIP_RETURN_CODE 77)
    add_test(NAME cli.notify_cases COMMAND ${CMAKE_CURRENT_LIST_DIR}/notify_cases.sh $<TARGET_FILE:anyarch>
        ${PROJECT_BINARY_DIR}/test/notify_cases ${CMAKE_C_COMPILER} ${GUEST_CC})
    set_tests_properties(cli.notify_cases PROPERTIES LABELS "cli;program" TIMEOUT 180 SKIP_RETURN_CODE 77)
endif()
# Manual page, completion, generated table; what is installed.
add_test(NAME cli.docs COMMAND ${CMAKE_CURRENT_LIST_DIR}/docs.sh $<TARGET_FILE:anyarch> ${PROJECT_BINARY_DIR})
set_tests_properties(cli.docs PROPERTIES LABELS "cli;program" TIMEOUT 120)
add_test(NAME cli.package COMMAND ${CMAKE_CURRENT_LIST_DIR}/package.sh ${PROJECT_BINARY_DIR} ${PROJECT_BINARY_DIR}/test/package)
set_tests_properties(cli.package PROPERTIES LABELS "cli;program" TIMEOUT 120 SKIP_RETURN_CODE 77)
add_test(NAME cli.mistakes COMMAND ${CMAKE_CURRENT_LIST_DIR}/mistakes.sh $<TARGET_FILE:anyarch>
    ${PROJECT_BINARY_DIR}/test/mistakes $<$<BOOL:${GUEST_CC}>:${GUEST_CC}> COMMAND_EXPAND_LISTS)
set_tests_properties(cli.mistakes PROPERTIES LABELS "cli;program" TIMEOUT 60)
