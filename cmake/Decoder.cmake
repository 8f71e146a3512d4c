# Decoder.cmake - decoders from arch/<isa>/*.decode.
#
# The generator runs on the build machine, so the build machine's compiler makes it, also when the program is
# cross-compiled. The files of one folder whose names share the part before "-" or "_" make one decoder: a64.decode and
# a64_simd.decode give gen/a64.decode.[ch].
find_program(ANYARCH_BUILD_CC NAMES cc gcc clang REQUIRED DOC "Compiler for programs that run while building")

function(add_decoders result)
    set(generator ${PROJECT_BINARY_DIR}/decodegen)
    add_custom_command(OUTPUT ${generator} VERBATIM
        COMMAND ${ANYARCH_BUILD_CC} -std=gnu11 -O1 -I${PROJECT_SOURCE_DIR} -o ${generator}
            ${PROJECT_SOURCE_DIR}/cmake/decodegen.c
        DEPENDS ${PROJECT_SOURCE_DIR}/cmake/decodegen.c)
    file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/gen)
    file(GLOB files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/arch/*/*.decode)
    set(isas "")
    foreach(file ${files})
        get_filename_component(isa ${file} NAME_WE)
        string(REGEX REPLACE "[-_].*" "" isa ${isa})
        list(APPEND isas ${isa})
        list(APPEND files_of_${isa} ${file})
    endforeach()
    list(REMOVE_DUPLICATES isas)
    set(sources "")
    foreach(isa ${isas})
        set(out ${PROJECT_BINARY_DIR}/gen/${isa}.decode)
        add_custom_command(OUTPUT ${out}.c ${out}.h VERBATIM
            COMMAND ${generator} ${isa} ${out} ${files_of_${isa}}
            DEPENDS ${generator} ${files_of_${isa}})
        list(APPEND sources ${out}.c ${out}.h)
    endforeach()
    set(${result} ${sources} PARENT_SCOPE)
endfunction()
