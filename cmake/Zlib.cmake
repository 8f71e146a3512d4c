# Zlib.cmake - the target anyarch_zlib: zlib's static library, where there is one. It only reads /proc/config.gz.
#
# Of its objects only those that decompress are linked, which need nothing of a particular C library. The headers lie among
# those of the compiler's own libc, so they get a folder of their own.
add_library(anyarch_zlib INTERFACE)
find_path(ANYARCH_ZLIB_INCLUDE zlib.h)
find_path(ANYARCH_ZCONF_INCLUDE zconf.h)
find_library(ANYARCH_ZLIB libz.a)
if(ANYARCH_ZLIB_INCLUDE AND ANYARCH_ZCONF_INCLUDE AND ANYARCH_ZLIB)
    set(folder ${PROJECT_BINARY_DIR}/zlib)
    file(MAKE_DIRECTORY ${folder})
    file(CREATE_LINK ${ANYARCH_ZLIB_INCLUDE}/zlib.h ${folder}/zlib.h SYMBOLIC)
    file(CREATE_LINK ${ANYARCH_ZCONF_INCLUDE}/zconf.h ${folder}/zconf.h SYMBOLIC)
    set_source_files_properties(applets/kernel_config.c PROPERTIES COMPILE_DEFINITIONS ANYARCH_ZLIB=1
        INCLUDE_DIRECTORIES ${folder})
    target_link_libraries(anyarch_zlib INTERFACE ${ANYARCH_ZLIB})
endif()
