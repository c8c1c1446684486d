# Each file bugs/<name>.bug describes a bug, and becomes a program bastion-planted-<name>: the tests that are to catch it
# together with the library that has it. docs/internals/planted.md says more.
#
# A bug in a .cpp file costs one compilation and a link: the tests' objects are those of bastion-test-<folder>, and an
# object that is named is taken instead of the archive's. One in a header lies in a tree of its own, found before the
# right one: the tests are compiled again, and the library where the bug says so.

# planted_field(<variable> <name>): the value of a line "<name>: value" of the bug at hand.
function(planted_field variable name)
    set(value "")
    foreach(line IN LISTS head)
        if(line MATCHES "^${name}: (.*)$")
            set(value "${CMAKE_MATCH_1}")
        endif()
    endforeach()
    set(${variable} "${value}" PARENT_SCOPE)
endfunction()

set(planted_scripts "${CMAKE_CURRENT_SOURCE_DIR}/planted")
file(GLOB planted_bugs CONFIGURE_DEPENDS "${planted_scripts}/bugs/*.bug")
foreach(bug IN LISTS planted_bugs)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${bug}")
    get_filename_component(name "${bug}" NAME_WE)
    file(STRINGS "${bug}" head REGEX "^(file|test|library|counts|quick): ")
    planted_field(file file)
    planted_field(test test)
    planted_field(library library)
    planted_field(counts counts)
    planted_field(quick quick)
    get_filename_component(folder "${test}" DIRECTORY)
    string(REPLACE "/" "-" suite "${folder}")
    get_filename_component(file_of_tests "${test}" NAME)
    if(NOT EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/${test}.cpp")
        message(FATAL_ERROR "${bug}: there is no tests/${test}.cpp")
    endif()

    set(tree "${CMAKE_CURRENT_BINARY_DIR}/planted/${name}")
    add_custom_command(OUTPUT "${tree}/${file}"
        COMMAND sh "${planted_scripts}/plant.sh" "${bug}" "${PROJECT_SOURCE_DIR}" "${tree}/${file}"
        DEPENDS "${bug}" "${planted_scripts}/plant.sh" "${PROJECT_SOURCE_DIR}/${file}"
        VERBATIM)

    # The tests, and what else their folder holds for them.
    set(tests "${CMAKE_CURRENT_SOURCE_DIR}/${test}.cpp")
    set(objects "${file_of_tests}")
    file(GLOB others "${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*.cpp")
    foreach(other IN LISTS others)
        if(NOT other MATCHES "_(test|model|stress)\\.cpp$")
            list(APPEND tests "${other}")
            get_filename_component(other "${other}" NAME_WE)
            string(APPEND objects "|${other}")
        endif()
    endforeach()

    if(counts)
        string(REPLACE "." "\\." itself "${file}")
        set(tests "$<FILTER:$<TARGET_OBJECTS:bastion-transitions>,EXCLUDE,/${itself}>")
    elseif(file MATCHES "\\.cpp$")
        set(tests "$<FILTER:$<TARGET_OBJECTS:bastion-test-${suite}>,INCLUDE,/(${objects})\\.cpp>")
    elseif(library)
        list(APPEND tests ${bastion_sources} ${bastion_testing_sources})
    endif()
    add_executable(bastion-planted-${name} "${tree}/${file}" ${tests})
    if(counts)
        target_compile_definitions(bastion-planted-${name} PRIVATE BASTION_COUNT_TRANSITIONS)
    endif()
    target_include_directories(bastion-planted-${name} BEFORE PRIVATE "${tree}/include" "${tree}/src")
    target_link_libraries(bastion-planted-${name} PRIVATE
        bastion-test-support fmt::fmt Hwloc::hwloc Boost::context)
    target_link_options(bastion-planted-${name} PRIVATE -s)
    set_target_properties(bastion-planted-${name} PROPERTIES CXX_EXTENSIONS OFF)
    if(quick)
        bastion_script_test(planted.${name} LABEL planted ARGS
            "${planted_scripts}/caught.sh" "${bug}" "$<TARGET_FILE:bastion-planted-${name}>")
    else()
        set_target_properties(bastion-planted-${name} PROPERTIES EXCLUDE_FROM_ALL ON)
    endif()
endforeach()
