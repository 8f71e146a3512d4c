# Package.cmake - what is installed beside the program, and packages: cpack -G DEB or TGZ in the build folder.
install(FILES docs/anyarch.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES docs/completion.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME anyarch)
install(FILES LICENSE docs/troubleshooting.md docs/support.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
if(NOT CMAKE_CROSSCOMPILING)
    # systemd-binfmt.service reads it. It names the installed file, so it is written when that is known.
    install(CODE "set(folder \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/lib/binfmt.d\")
        file(MAKE_DIRECTORY \"\${folder}\")
        execute_process(COMMAND \"${PROJECT_BINARY_DIR}/anyarch\" binfmt export systemd
            --path \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}\"
            OUTPUT_FILE \"\${folder}/anyarch.conf\" COMMAND_ERROR_IS_FATAL ANY)")
endif()

set(CPACK_GENERATOR TGZ DEB)
set(CPACK_PACKAGE_CONTACT "anyarch <anyarch@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "run Linux programs made for another CPU")
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION otherosfs)
set(CPACK_DEBIAN_PACKAGE_CONFLICTS qemu-user-static)
set(CPACK_DEBIAN_PACKAGE_REPLACES qemu-user-static)
set(CPACK_DEBIAN_PACKAGE_PROVIDES qemu-user-static)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${PROJECT_SOURCE_DIR}/packaging/postinst ${PROJECT_SOURCE_DIR}/packaging/prerm)
include(CPack)
