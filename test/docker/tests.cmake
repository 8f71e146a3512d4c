# The images, in podman, buildah and Docker's engine. Label docker: the presets leave them out; .ci/run runs those that do not
# take minutes.
set(ANYARCH_RELEASE ${PROJECT_SOURCE_DIR}/build/release/anyarch CACHE FILEPATH "The program that images are made of")
file(GLOB cases CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/cases/*.sh)
foreach(case ${cases})
    get_filename_component(name ${case} NAME_WE)
    add_test(NAME docker.${name} COMMAND ${CMAKE_CURRENT_LIST_DIR}/run.sh ${ANYARCH_RELEASE}
        ${PROJECT_BINARY_DIR}/test/docker ${name})
    set_tests_properties(docker.${name} PROPERTIES LABELS "docker;slow" TIMEOUT 900 RUN_SERIAL ON SKIP_RETURN_CODE 77)
endforeach()
add_test(NAME docker.schema COMMAND ${CMAKE_CURRENT_LIST_DIR}/schema.sh ${PROJECT_BINARY_DIR}/test/schema)
set_tests_properties(docker.schema PROPERTIES LABELS "docker;slow" TIMEOUT 300 SKIP_RETURN_CODE 77)
