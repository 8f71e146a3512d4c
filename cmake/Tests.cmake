# Tests.cmake - registers every test that is found by its name. Kinds, also labels:
#
#   unit      test/unit/test_NAME.c      cmocka program over the objects, compiler's own libc
#   golden    test/golden/GUEST/NAME.test     instruction cases, run by "anyarch check"
#   layering  which folder includes which
#
# A test folder with needs of its own has a tests.cmake, which is included here.
file(GLOB unit_sources CONFIGURE_DEPENDS test/unit/test_*.c)
find_path(CMOCKA_INCLUDE cmocka.h)
find_library(CMOCKA_LIBRARY cmocka)
if(ANYARCH_MUSL AND ANYARCH_COMPILER_HAS_GLIBC)
    # The program's objects are compiled for musl, cmocka is not.
    add_library(anyarch_native_objects OBJECT EXCLUDE_FROM_ALL ${sources} ${decoder_sources})
    target_link_libraries(anyarch_native_objects PUBLIC anyarch_options anyarch_zlib anyarch_native_libc)
    target_compile_options(anyarch_native_objects PRIVATE -O0)
    set(test_objects anyarch_native_objects)
else()
    set(test_objects anyarch_objects)
endif()

# add_native_test_program(NAME FILE...): a program over all objects but main, with the compiler's own libc.
function(add_native_test_program name)
    add_executable(${name} ${ARGN} $<TARGET_OBJECTS:${test_objects}>)
    target_link_libraries(${name} PRIVATE anyarch_options anyarch_zlib anyarch_native_libc m)
    # Tests compare with the host's arithmetic in every rounding mode.
    target_compile_options(${name} PRIVATE -frounding-math)
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/test)
endfunction()

if(CMOCKA_INCLUDE AND CMOCKA_LIBRARY)
    foreach(source ${unit_sources})
        get_filename_component(name ${source} NAME_WE)
        string(REGEX REPLACE "^test_" "" short ${name})
        add_native_test_program(${name} ${source})
        target_include_directories(${name} SYSTEM PRIVATE ${CMOCKA_INCLUDE})
        target_link_libraries(${name} PRIVATE ${CMOCKA_LIBRARY})
        add_test(NAME unit.${short} COMMAND ${name} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
        set_tests_properties(unit.${short} PROPERTIES LABELS "unit;fast" TIMEOUT 60)
    endforeach()
    if(TARGET test_host_vec) # it brings its own register allocator
        foreach(symbol ra_use ra_use_mem ra_def ra_def_reuse ra_def_over ra_temp ra_take emit_eval_call emit_slow
                emit_address)
            target_link_options(test_host_vec PRIVATE -Wl,--wrap=${symbol})
        endforeach()
    endif()
elseif(unit_sources)
    message(WARNING "cmocka is not installed: no unit tests")
endif()

file(GLOB golden_files CONFIGURE_DEPENDS test/golden/*/*.test)
foreach(file ${golden_files})
    get_filename_component(name ${file} NAME_WE)
    get_filename_component(folder ${file} DIRECTORY)
    get_filename_component(guest ${folder} NAME)
    file(RELATIVE_PATH path ${PROJECT_SOURCE_DIR} ${file})
    add_test(NAME golden.${guest}.${name} COMMAND anyarch check ${path} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    set_tests_properties(golden.${guest}.${name} PROPERTIES LABELS "golden;${guest};fast" TIMEOUT 60)
endforeach()

# The same on hosts with less than this one has.
file(GLOB golden_folders LIST_DIRECTORIES true RELATIVE ${PROJECT_SOURCE_DIR} test/golden/*)
foreach(folder ${golden_folders})
    get_filename_component(guest ${folder} NAME)
    foreach(off all avx avx512 fptraps)
        if(IS_DIRECTORY ${PROJECT_SOURCE_DIR}/${folder})
            add_test(NAME golden.${guest}.without_${off} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
                COMMAND anyarch check -engine jit -host-off ${off} ${folder})
            set_tests_properties(golden.${guest}.without_${off} PROPERTIES LABELS "golden;${guest}" TIMEOUT 600)
        endif()
    endforeach()
endforeach()

add_test(NAME layering COMMAND ${CMAKE_COMMAND} -DROOT=${PROJECT_SOURCE_DIR}
    -P ${PROJECT_SOURCE_DIR}/cmake/CheckIncludes.cmake)
set_tests_properties(layering PROPERTIES LABELS "layering;fast")

foreach(folder cli ir golden fp programs rootfs cache fuzz bench docker)
    include(${PROJECT_SOURCE_DIR}/test/${folder}/tests.cmake OPTIONAL)
endforeach()

# Tests start from nothing; those of the cache name their own folders. -DTEST_CACHE=FOLDER gives all one cache.
set(TEST_CACHE off CACHE STRING "translation cache that tests use: a folder, or off")
get_property(all_tests DIRECTORY PROPERTY TESTS)
foreach(test ${all_tests})
    set_property(TEST ${test} APPEND PROPERTY ENVIRONMENT ANYARCH_CACHE=${TEST_CACHE})
endforeach()
