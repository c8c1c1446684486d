# Each example is run by a test that compares everything it prints:
#   <name>.expected   its whole standard output
#   <name>.unordered  (empty file) the lines of the output may come in any order
#   <name>.stderr     every line must occur within the standard error output
#   <name>.args       command line arguments, one line
#   <name>.exit       the exit code, if it is not 0
# or by a script of its own, <name>.sh, which gets the path of the program and of an empty scratch folder.

get_property(bastion_examples GLOBAL PROPERTY BASTION_EXAMPLES)
foreach(name IN LISTS bastion_examples)
    set(base "${CMAKE_CURRENT_LIST_DIR}/${name}")
    if(EXISTS "${base}.sh")
        set(scratch "${CMAKE_CURRENT_BINARY_DIR}/examples/${name}")
        file(MAKE_DIRECTORY "${scratch}")
        bastion_script_test(example.${name} LABEL examples ARGS "${base}.sh" "$<TARGET_FILE:${name}>" "${scratch}")
    elseif(EXISTS "${base}.expected")
        bastion_script_test(example.${name} LABEL examples ARGS
            "${CMAKE_CURRENT_LIST_DIR}/compare.sh" "$<TARGET_FILE:${name}>" "${base}")
    else()
        message(FATAL_ERROR "examples/${name}.cpp has no test: write tests/examples/${name}.expected or ${name}.sh.")
    endif()
endforeach()

bastion_script_test(example.size LABEL checks ARGS "${CMAKE_CURRENT_LIST_DIR}/size.sh" "${PROJECT_SOURCE_DIR}/examples")
