# tests.cmake - one test for each test/ir/NAME.ir, run by ir_check.
add_native_test_program(ir_check ${PROJECT_SOURCE_DIR}/test/unit/ir_check.c)
file(GLOB ir_files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/test/ir/*.ir)
foreach(file ${ir_files})
    get_filename_component(name ${file} NAME_WE)
    add_test(NAME ir.${name} COMMAND ir_check ${file})
    set_tests_properties(ir.${name} PROPERTIES LABELS "ir;fast" TIMEOUT 60)
endforeach()
