# instructions.ROW: one operation of that row of bastion-bench takes as many instructions as instructions/record.txt says, within 3 %.
#
# Of the flags that ship and the compiler that ships; others would have numbers of their own.

find_program(bastion_valgrind valgrind)
if(bastion_valgrind AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION MATCHES "^12[.]"
   AND CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
    set(record "${CMAKE_CURRENT_SOURCE_DIR}/instructions/record.txt")
    foreach(row pingpong ask spawn restart_error timers broadcast)
        bastion_script_test("instructions.${row}" LABEL instructions ARGS
            "${CMAKE_CURRENT_SOURCE_DIR}/instructions/check.sh" "$<TARGET_FILE:bastion-bench>" "${record}" ${row})
    endforeach()
    bastion_script_test(instructions.self LABEL instructions ARGS
        "${CMAKE_CURRENT_SOURCE_DIR}/instructions/self.sh" "${CMAKE_CURRENT_SOURCE_DIR}/instructions")
endif()
