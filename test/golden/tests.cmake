add_native_test_program(decodes ${CMAKE_CURRENT_LIST_DIR}/decodes.c)
find_package(Python3 COMPONENTS Interpreter)
if(Python3_FOUND)
    add_test(NAME golden.coverage COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_LIST_DIR}/coverage.py)
    set_tests_properties(golden.coverage PROPERTIES LABELS "golden;fast")
    # Every instruction of the architecture's index is there with its feature and undefined without it.
    add_test(NAME golden.index COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_LIST_DIR}/index.py $<TARGET_FILE:decodes>)
    set_tests_properties(golden.index PROPERTIES LABELS "golden;fast" TIMEOUT 120)
endif()
