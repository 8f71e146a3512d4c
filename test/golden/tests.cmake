add_native_test_program(decodes ${CMAKE_CURRENT_LIST_DIR}/decodes.c)
# Every pattern has a best known cost, and none is better than that.
add_test(NAME golden.costs COMMAND anyarch check -engine jit -host-off all -costs ${CMAKE_CURRENT_LIST_DIR}/aarch64.best
    ${CMAKE_CURRENT_LIST_DIR}/aarch64)
set_tests_properties(golden.costs PROPERTIES LABELS "golden;fast" TIMEOUT 120)
find_package(Python3 COMPONENTS Interpreter)
if(Python3_FOUND)
    add_test(NAME golden.coverage COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_LIST_DIR}/coverage.py)
    set_tests_properties(golden.coverage PROPERTIES LABELS "golden;fast")
    # Every instruction of the architecture's index is there with its feature and undefined without it.
    add_test(NAME golden.index COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_LIST_DIR}/index.py $<TARGET_FILE:decodes>)
    set_tests_properties(golden.index PROPERTIES LABELS "golden;fast" TIMEOUT 120)
endif()
