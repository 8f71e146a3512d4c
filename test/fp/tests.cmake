# Floating-point results and flags against MPFR: 45,000 cases on every engine. More by hand: see test/README.md.
find_path(MPFR_INCLUDE mpfr.h)
find_library(MPFR_LIBRARY mpfr)
find_library(GMP_LIBRARY gmp)
if(MPFR_INCLUDE AND MPFR_LIBRARY AND GMP_LIBRARY AND NOT ANYARCH_SANITIZE STREQUAL "address")
    add_executable(fp_vectors ${CMAKE_CURRENT_LIST_DIR}/vectors.c)
    target_link_libraries(fp_vectors PRIVATE anyarch_options anyarch_native_libc ${MPFR_LIBRARY} ${GMP_LIBRARY})
    target_include_directories(fp_vectors SYSTEM PRIVATE ${MPFR_INCLUDE})
    set_target_properties(fp_vectors PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/test)
    add_test(NAME fp.mpfr COMMAND ${CMAKE_CURRENT_LIST_DIR}/run $<TARGET_FILE:fp_vectors> $<TARGET_FILE:anyarch>
        ${PROJECT_BINARY_DIR}/test/fp 1 300)
    set_tests_properties(fp.mpfr PROPERTIES LABELS "fp;aarch64" TIMEOUT 300)
endif()
