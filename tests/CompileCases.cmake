# compile_fail/*.cpp must not compile and compile_ok/*.cpp must. The files begin with lines of the form `// key: value`:
#   expect: a sentence that must stand in the first ten lines of the compiler's output (compile_fail only)
#   only:   GNU, Clang, or await-broken (compilers that destroy temporaries of a co_await expression twice);
#           elsewhere the case does not exist

foreach(mode IN ITEMS fail ok)
    file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/compile_${mode}/*.cpp")
    foreach(source IN LISTS sources)
        set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${source}")
        file(STRINGS "${source}" head LIMIT_COUNT 3 REGEX "^// *(expect|only): *.+")
        set(expect "")
        set(wanted ON)
        foreach(line IN LISTS head)
            if(line MATCHES "^// *expect: *(.+)$")
                set(expect "${CMAKE_MATCH_1}")
            elseif(line MATCHES "^// *only: *await-broken")
                set(wanted ${BASTION_AWAIT_BROKEN})
            elseif(line MATCHES "^// *only: *([A-Za-z]+)")
                string(COMPARE EQUAL "${CMAKE_MATCH_1}" "${CMAKE_CXX_COMPILER_ID}" wanted)
            endif()
        endforeach()
        if(mode STREQUAL "fail" AND expect STREQUAL "")
            message(FATAL_ERROR "${source} must begin with '// expect: <sentence>'.")
        endif()
        if(NOT wanted)
            continue()
        endif()
        get_filename_component(name "${source}" NAME_WE)
        add_test(NAME compile_${mode}.${name} COMMAND "${CMAKE_COMMAND}"
            "-DMODE=${mode}"
            "-DCOMPILER=${CMAKE_CXX_COMPILER}"
            "-DFLAGS=${CMAKE_CXX20_STANDARD_COMPILE_OPTION};-I${PROJECT_SOURCE_DIR}/include"
            "-DSOURCE=${source}"
            "-DEXPECT=${expect}"
            -P "${CMAKE_CURRENT_SOURCE_DIR}/support/compile_case.cmake")
        set_tests_properties(compile_${mode}.${name} PROPERTIES TIMEOUT ${bastion_test_timeout} LABELS compile)
    endforeach()
endforeach()
