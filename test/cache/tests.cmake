# The translation cache. All other tests run without one.
find_program(GUEST_CC aarch64-linux-gnu-gcc)
if(GUEST_CC)
    add_test(NAME cache.rules COMMAND ${CMAKE_CURRENT_LIST_DIR}/run.sh $<TARGET_FILE:anyarch> ${CMAKE_CURRENT_LIST_DIR}
        ${PROJECT_BINARY_DIR}/test/cache/rules ${GUEST_CC})
    set_tests_properties(cache.rules PROPERTIES LABELS "cache;program" TIMEOUT 300 SKIP_RETURN_CODE 77)
    add_test(NAME cache.known COMMAND ${CMAKE_CURRENT_LIST_DIR}/known.sh $<TARGET_FILE:anyarch> ${CMAKE_CURRENT_LIST_DIR}
        ${PROJECT_BINARY_DIR}/test/cache/known ${GUEST_CC})
    set_tests_properties(cache.known PROPERTIES LABELS "cache;program" TIMEOUT 300 SKIP_RETURN_CODE 77)
    add_test(NAME cache.fuzz COMMAND ${CMAKE_CURRENT_LIST_DIR}/fuzz.py -anyarch $<TARGET_FILE:anyarch>
        -work ${PROJECT_BINARY_DIR}/test/cache/fuzz -cc ${GUEST_CC} -n 200)
    set_tests_properties(cache.fuzz PROPERTIES LABELS "cache;fuzz" TIMEOUT 300)
    # The program tests again: from their own translations, then compared with fresh ones.
    foreach(pass cold warm verified)
        add_test(NAME cache.programs.${pass} COMMAND ${CMAKE_CURRENT_LIST_DIR}/programs.sh ${pass}
            ${PROJECT_BINARY_DIR}/qemu-aarch64-static ${PROJECT_BINARY_DIR}/test/cache/programs)
        set_tests_properties(cache.programs.${pass} PROPERTIES LABELS "cache;program" TIMEOUT 600 SKIP_RETURN_CODE 77)
    endforeach()
    set_tests_properties(cache.programs.warm PROPERTIES DEPENDS cache.programs.cold)
    set_tests_properties(cache.programs.verified PROPERTIES DEPENDS cache.programs.warm)
endif()
