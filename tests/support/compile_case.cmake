# cmake -DMODE=fail|ok -DCOMPILER=... -DFLAGS=... -DSOURCE=... -DEXPECT=<sentence> -P compile_case.cmake

execute_process(
    COMMAND "${COMPILER}" ${FLAGS} -fsyntax-only -fdiagnostics-color=never "${SOURCE}"
    RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)

if(MODE STREQUAL "ok")
    if(NOT status EQUAL 0)
        message(FATAL_ERROR "${SOURCE} does not compile:\n${output}")
    endif()
    return()
endif()

if(status EQUAL 0)
    message(FATAL_ERROR "${SOURCE} compiles, but must be refused with: ${EXPECT}")
endif()

# Lists would take the semicolons of the output apart, so the first ten lines are cut off by position.
set(rest "${output}")
set(head "")
foreach(i RANGE 1 10)
    string(FIND "${rest}" "\n" end)
    if(end EQUAL -1)
        string(APPEND head "${rest}")
        break()
    endif()
    math(EXPR after "${end} + 1")
    string(SUBSTRING "${rest}" 0 ${after} line)
    string(SUBSTRING "${rest}" ${after} -1 rest)
    string(APPEND head "${line}")
endforeach()
string(FIND "${head}" "${EXPECT}" position)
if(position EQUAL -1)
    message(FATAL_ERROR "The first ten lines of the compiler's output do not say '${EXPECT}':\n${output}")
endif()
