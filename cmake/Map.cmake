# Map.cmake - cmake -DROOT=... -P: print every source file with the summary of its first line.
foreach(folder core arch syscalls loader applets cmake)
    file(GLOB_RECURSE files RELATIVE ${ROOT} ${ROOT}/${folder}/*.c ${ROOT}/${folder}/*.h ${ROOT}/${folder}/*.S
        ${ROOT}/${folder}/*.def ${ROOT}/${folder}/*.cmake)
    list(SORT files)
    foreach(file ${files})
        file(STRINGS ${ROOT}/${file} line LIMIT_COUNT 1)
        string(REGEX REPLACE "^(/\\*|#) *[^ ]+ - " "" line "${line}")
        string(REGEX REPLACE " *\\*/$" "" line "${line}")
        execute_process(COMMAND ${CMAKE_COMMAND} -E echo "${file}: ${line}")
    endforeach()
endforeach()
