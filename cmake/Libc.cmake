# Libc.cmake - the target anyarch_libc: how the program meets its C library.
#
# Three cases: the compiler's own libc is musl (Alpine); musl is installed beside glibc (Debian's musl-tools), whose
# wrapper script cannot make static position-independent programs, so its parts are named here; or the compiler's
# own libc, dynamic, for the sanitizers.
include(CheckCSourceCompiles)
add_library(anyarch_libc INTERFACE)
add_library(anyarch_native_libc INTERFACE) # the compiler's own, dynamic: for unit tests
find_package(Threads REQUIRED)
target_compile_options(anyarch_native_libc INTERFACE -fPIE)
target_link_options(anyarch_native_libc INTERFACE -pie)
target_link_libraries(anyarch_native_libc INTERFACE Threads::Threads)
check_c_source_compiles("#include <features.h>\n#ifndef __GLIBC__\n#error\n#endif\nint main(void){return 0;}"
    ANYARCH_COMPILER_HAS_GLIBC)
target_compile_options(anyarch_libc INTERFACE -fPIE)

# crt_file(VARIABLE NAME): a start file or library of the compiler itself.
function(crt_file variable name)
    execute_process(COMMAND ${CMAKE_C_COMPILER} -print-file-name=${name} OUTPUT_VARIABLE path
        OUTPUT_STRIP_TRAILING_WHITESPACE)
    if(NOT IS_ABSOLUTE "${path}")
        message(FATAL_ERROR "${CMAKE_C_COMPILER} does not know its ${name}")
    endif()
    set(${variable} ${path} PARENT_SCOPE)
endfunction()

if(ANYARCH_MUSL) # memory that the library maps is placed by core/memory.c, and copied by arch/x86/host_copy.S
    target_link_options(anyarch_libc INTERFACE -Wl,--wrap=__mmap -Wl,--wrap=memcpy)
    target_compile_definitions(anyarch_libc INTERFACE ANYARCH_WRAPS_MMAP)
endif()
if(NOT ANYARCH_MUSL)
    target_link_libraries(anyarch_libc INTERFACE anyarch_native_libc)
elseif(NOT ANYARCH_COMPILER_HAS_GLIBC)
    target_link_options(anyarch_libc INTERFACE -static-pie -Wl,-z,text -Wl,-z,noexecstack)
else()
    set(triple ${CMAKE_SYSTEM_PROCESSOR}-linux-musl)
    find_path(ANYARCH_MUSL_INCLUDE features.h REQUIRED NO_DEFAULT_PATH DOC "Folder of musl's headers"
        PATHS /usr/include/${triple} /usr/local/musl/include /usr/lib/musl/include)
    find_library(ANYARCH_MUSL_LIBC libc.a REQUIRED NO_DEFAULT_PATH DOC "musl's static library"
        PATHS /usr/lib/${triple} /usr/local/musl/lib /usr/lib/musl/lib)
    get_filename_component(musl ${ANYARCH_MUSL_LIBC} DIRECTORY)

    # The kernel's headers are libc-neutral but live among glibc's: give them a folder of their own.
    set(uapi ${PROJECT_BINARY_DIR}/uapi)
    file(MAKE_DIRECTORY ${uapi})
    foreach(folder linux asm asm-generic mtd)
        foreach(place /usr/include /usr/include/${CMAKE_LIBRARY_ARCHITECTURE})
            if(IS_DIRECTORY ${place}/${folder} AND NOT EXISTS ${uapi}/${folder})
                file(CREATE_LINK ${place}/${folder} ${uapi}/${folder} SYMBOLIC)
            endif()
        endforeach()
    endforeach()

    if(CMAKE_C_COMPILER_ID MATCHES "Clang")
        execute_process(COMMAND ${CMAKE_C_COMPILER} -print-resource-dir OUTPUT_VARIABLE own
            OUTPUT_STRIP_TRAILING_WHITESPACE)
        set(own ${own}/include)
    else()
        crt_file(own include)
    endif()
    target_compile_options(anyarch_libc INTERFACE -nostdinc "SHELL:-isystem ${ANYARCH_MUSL_INCLUDE}"
        "SHELL:-isystem ${own}" "SHELL:-isystem ${uapi}")

    crt_file(crtbegin crtbeginS.o)
    crt_file(crtend crtendS.o)
    crt_file(libgcc libgcc.a)
    crt_file(libgcc_eh libgcc_eh.a)
    target_link_options(anyarch_libc INTERFACE -nostdlib -static-pie -Wl,--no-dynamic-linker -Wl,-z,text
        -Wl,-z,noexecstack ${musl}/rcrt1.o ${musl}/crti.o ${crtbegin})
    # Nothing may follow crtend and crtn, so this must be the last library of the program.
    target_link_libraries(anyarch_libc INTERFACE -Wl,--start-group ${ANYARCH_MUSL_LIBC} ${libgcc} ${libgcc_eh}
        -Wl,--end-group ${crtend} ${musl}/crtn.o)
endif()
