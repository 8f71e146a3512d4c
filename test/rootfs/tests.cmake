# Debian roots: too large for every run, so labelled slow; by hand as README.md says.
set(work ${PROJECT_BINARY_DIR}/test/rootfs)
set(folder ${CMAKE_CURRENT_LIST_DIR})
set(emulator ${PROJECT_BINARY_DIR}/qemu-aarch64-static)
add_test(NAME rootfs.smoke COMMAND ${folder}/smoke -v ${emulator} ${work})
add_test(NAME rootfs.work COMMAND ${folder}/smoke -v -m ^work- -s 3600 ${emulator} ${work})
add_test(NAME rootfs.bootstrap COMMAND ${folder}/bootstrap ${emulator} ${work}/bootstrap)
set_tests_properties(rootfs.smoke rootfs.work rootfs.bootstrap PROPERTIES
    LABELS "rootfs;program;aarch64;slow" TIMEOUT 14400 SKIP_RETURN_CODE 77 RESOURCE_LOCK rootfs)
