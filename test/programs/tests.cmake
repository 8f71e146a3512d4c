# One test per folder that holds main.c or main.cc, on the translator and, labelled slow, on the interpreter.
find_program(GUEST_CC aarch64-linux-gnu-gcc)
find_program(GUEST_CXX aarch64-linux-gnu-g++)
file(GLOB program_sources_found CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*/main.c ${CMAKE_CURRENT_LIST_DIR}/*/main.cc)
# Right only with strict exclusives, see below.
list(FILTER program_sources_found EXCLUDE REGEX /lifo/)
foreach(source ${program_sources_found})
    get_filename_component(folder ${source} DIRECTORY)
    get_filename_component(name ${folder} NAME)
    set(command ${CMAKE_CURRENT_LIST_DIR}/run.sh ${PROJECT_BINARY_DIR}/qemu-aarch64-static ${folder}
        ${PROJECT_BINARY_DIR}/test/programs)
    add_test(NAME program.aarch64.${name} COMMAND ${command})
    set_tests_properties(program.aarch64.${name} PROPERTIES LABELS "program;aarch64" TIMEOUT 120 SKIP_RETURN_CODE 77)
    add_test(NAME program.aarch64.${name}.interp COMMAND ${command} -engine interp)
    set_tests_properties(program.aarch64.${name}.interp PROPERTIES LABELS "program;aarch64;slow" TIMEOUT 900
        SKIP_RETURN_CODE 77)
endforeach()
# Code that leaves it to the host to notice invalid operations, however many there are.
foreach(name fpmode fptraps math)
    add_test(NAME program.aarch64.${name}.traps COMMAND ${CMAKE_CURRENT_LIST_DIR}/run.sh
        ${PROJECT_BINARY_DIR}/qemu-aarch64-static ${CMAKE_CURRENT_LIST_DIR}/${name} ${PROJECT_BINARY_DIR}/test/programs
        -fp-traps 1000000)
    set_tests_properties(program.aarch64.${name}.traps PROPERTIES LABELS "program;aarch64" TIMEOUT 120 SKIP_RETURN_CODE 77)
endforeach()
# Exclusives that notice every store.
foreach(name exclusives lifo)
    add_test(NAME program.aarch64.${name}.strict COMMAND ${CMAKE_CURRENT_LIST_DIR}/run.sh
        ${PROJECT_BINARY_DIR}/qemu-aarch64-static ${CMAKE_CURRENT_LIST_DIR}/${name} ${PROJECT_BINARY_DIR}/test/programs
        -strict-exclusives)
    set_tests_properties(program.aarch64.${name}.strict PROPERTIES LABELS "program;aarch64" TIMEOUT 300 SKIP_RETURN_CODE 77)
    add_test(NAME program.aarch64.${name}.strict.interp COMMAND ${CMAKE_CURRENT_LIST_DIR}/run.sh
        ${PROJECT_BINARY_DIR}/qemu-aarch64-static ${CMAKE_CURRENT_LIST_DIR}/${name} ${PROJECT_BINARY_DIR}/test/programs
        -strict-exclusives -engine interp)
    set_tests_properties(program.aarch64.${name}.strict.interp PROPERTIES LABELS "program;aarch64;slow" TIMEOUT 900
        SKIP_RETURN_CODE 77)
endforeach()
# Rare reorderings.
add_test(NAME program.aarch64.litmus.long COMMAND ${CMAKE_CURRENT_LIST_DIR}/run.sh
    ${PROJECT_BINARY_DIR}/qemu-aarch64-static ${CMAKE_CURRENT_LIST_DIR}/litmus ${PROJECT_BINARY_DIR}/test/programs)
set_tests_properties(program.aarch64.litmus.long PROPERTIES LABELS "program;aarch64;slow" TIMEOUT 3600 SKIP_RETURN_CODE 77
    ENVIRONMENT LITMUS_ITERATIONS=10000000)
# The code buffer is filled and flushed many times.
foreach(name libc threads jit stress cold_threads fork_children)
    add_test(NAME program.aarch64.${name}.small_code COMMAND ${CMAKE_CURRENT_LIST_DIR}/run.sh
        ${PROJECT_BINARY_DIR}/qemu-aarch64-static ${CMAKE_CURRENT_LIST_DIR}/${name} ${PROJECT_BINARY_DIR}/test/programs
        -code-size 1M)
    set_tests_properties(program.aarch64.${name}.small_code PROPERTIES LABELS "program;aarch64" TIMEOUT 120
        SKIP_RETURN_CODE 77)
endforeach()
# Every block as a region of its own, and loops as soon as they are seen twice.
foreach(name atomics cold_threads exclusives faults jit libc long_blocks math neon region_calls region_switch signals signal_stress
        stress strings threads)
    foreach(threshold 0 1)
        add_test(NAME program.aarch64.${name}.tier2_${threshold} COMMAND ${CMAKE_CURRENT_LIST_DIR}/run.sh
            ${PROJECT_BINARY_DIR}/qemu-aarch64-static ${CMAKE_CURRENT_LIST_DIR}/${name} ${PROJECT_BINARY_DIR}/test/programs
            -tier2-threshold ${threshold})
        set_tests_properties(program.aarch64.${name}.tier2_${threshold} PROPERTIES LABELS "program;aarch64" TIMEOUT 120
            SKIP_RETURN_CODE 77)
    endforeach()
endforeach()
# Answers that change with time must be the same for both engines.
foreach(name clocks vdso)
    add_test(NAME program.aarch64.${name}.lockstep COMMAND ${CMAKE_CURRENT_LIST_DIR}/run.sh
        ${PROJECT_BINARY_DIR}/qemu-aarch64-static ${CMAKE_CURRENT_LIST_DIR}/${name} ${PROJECT_BINARY_DIR}/test/programs
        -lockstep)
    set_tests_properties(program.aarch64.${name}.lockstep PROPERTIES LABELS "program;aarch64" TIMEOUT 120
        SKIP_RETURN_CODE 77)
endforeach()
foreach(name busybox esbuild)
    if(EXISTS ${CMAKE_CURRENT_LIST_DIR}/${name}/run)
        add_test(NAME program.aarch64.${name} COMMAND ${CMAKE_CURRENT_LIST_DIR}/${name}/run
            $<TARGET_FILE:anyarch> ${PROJECT_BINARY_DIR}/test/${name})
        set_tests_properties(program.aarch64.${name} PROPERTIES LABELS "program;aarch64;slow" TIMEOUT 1800 SKIP_RETURN_CODE 77)
    endif()
endforeach()
