# The ELF parser on damaged files, and two minutes of random instructions against qemu-aarch64-static. Long runs by hand: fuzz.py -help.
add_native_test_program(elf_fuzz ${CMAKE_CURRENT_LIST_DIR}/elf_fuzz.c)
add_test(NAME fuzz.elf COMMAND elf_fuzz -n 100000 -seed 1)
set_tests_properties(fuzz.elf PROPERTIES LABELS "fuzz" TIMEOUT 300)
find_package(Python3 COMPONENTS Interpreter)
if(Python3_FOUND AND NOT ANYARCH_SANITIZE STREQUAL "address")
    add_test(NAME fuzz.aarch64 COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_LIST_DIR}/fuzz.py
        -anyarch $<TARGET_FILE:anyarch> -seed 1 -time 50 -engines jit,interp -work ${PROJECT_BINARY_DIR}/test/fuzz)
    set_tests_properties(fuzz.aarch64 PROPERTIES LABELS "fuzz;aarch64" TIMEOUT 600 SKIP_RETURN_CODE 77)
    add_test(NAME fuzz.aarch64.sse COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_LIST_DIR}/fuzz.py
        -anyarch $<TARGET_FILE:anyarch> -seed 2 -n 10000 -engines sse,noopt,regions -work ${PROJECT_BINARY_DIR}/test/fuzz-sse)
    set_tests_properties(fuzz.aarch64.sse PROPERTIES LABELS "fuzz;aarch64" TIMEOUT 600 SKIP_RETURN_CODE 77)
    add_test(NAME fuzz.aarch64.mass COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_LIST_DIR}/mass/run
        -anyarch $<TARGET_FILE:anyarch> -seed 3 -n 400000 -time 40 -jobs 1 -engines jit,sse,regions
        -work ${PROJECT_BINARY_DIR}/test/fuzz-mass)
    set_tests_properties(fuzz.aarch64.mass PROPERTIES LABELS "fuzz;aarch64" TIMEOUT 600 SKIP_RETURN_CODE 77)
    add_test(NAME fuzz.aarch64.loops COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_LIST_DIR}/mass/run
        -anyarch $<TARGET_FILE:anyarch> -seed 4 -n 300000 -time 20 -jobs 1 -mode loops -engines tier2
        -work ${PROJECT_BINARY_DIR}/test/fuzz-loops)
    set_tests_properties(fuzz.aarch64.loops PROPERTIES LABELS "fuzz;aarch64" TIMEOUT 600 SKIP_RETURN_CODE 77)
endif()
