# CheckIncludes.cmake - cmake -DROOT=... -P: fail if a folder includes one that it must not know.
#
# Rows: folder, then a regular expression of what its files may include. Headers without a folder are generated.
cmake_policy(VERSION 3.20)
set(rows
    "core|core/"
    "arch|core/|syscalls/ids.h|OWN_FOLDER"
    "syscalls|core/|syscalls/"
    "loader|core/|loader/|syscalls/[a-z_]*.h"
    "applets|core/|arch/guests.h|syscalls/|loader/|applets/")
set(bad 0)
foreach(row ${rows})
    string(REGEX REPLACE "\\|.*" "" folder "${row}")
    string(REGEX REPLACE "^[a-z]*\\|" "" allowed "${row}")
    file(GLOB_RECURSE files RELATIVE ${ROOT} ${ROOT}/${folder}/*.[chS])
    foreach(file ${files})
        set(own "arch/")
        if(file MATCHES "^(arch/[^/]*/)")
            set(own "${CMAKE_MATCH_1}")
        endif()
        string(REPLACE "OWN_FOLDER" "${own}" pattern "${allowed}")
        file(STRINGS ${ROOT}/${file} lines REGEX "^#include \"")
        foreach(line ${lines})
            if(line MATCHES "/" AND NOT line MATCHES "^#include \"(${pattern})")
                message("${file}: ${line} (${folder} may include only ${pattern})")
                math(EXPR bad "${bad}+1")
            endif()
        endforeach()
    endforeach()
endforeach()
if(bad)
    message(FATAL_ERROR "${bad} include(s) against the layering")
endif()
