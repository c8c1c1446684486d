# Each example is run by a test that compares everything it prints:
#   <name>.expected   its whole standard output
#   <name>.unordered  (empty file) the lines of the output may come in any order
#   <name>.stderr     every line must occur within the standard error output
#   <name>.args       command line arguments, one line
#   <name>.exit       the exit code, if it is not 0
# or by a script of its own, <name>.sh, which gets the path of the program and of an empty scratch folder.

# The rows of the acceptance table that they show.
set(rows_of_seed E0)
set(rows_of_readme E0b)
set(rows_of_hello_world E1)
set(rows_of_getting_started E2)
set(rows_of_send_recv E3)
set(rows_of_callbacks E4)
set(rows_of_restart_strategy E5)
set(rows_of_broadcast_message E6)
set(rows_of_round_robin_dispatcher E7)
set(rows_of_distributor E8)
set(rows_of_fibonacci E9)
set(rows_of_fibonacci_handlers E10)
set(rows_of_message_types E11)
set(rows_of_parallel_computation E12)
set(rows_of_distributed_write E13)
set(rows_of_prime_numbers E16)
set(rows_of_scaling_groups E17)
set(rows_of_life_of_a_process "L1 L2 L3")
set(rows_of_executor "X1 X2")
set(rows_of_one_for_one S1)
set(rows_of_one_for_all S2)
set(rows_of_rest_for_one S3)

get_property(bastion_examples GLOBAL PROPERTY BASTION_EXAMPLES)
foreach(name IN LISTS bastion_examples)
    set(base "${CMAKE_CURRENT_LIST_DIR}/${name}")
    if(EXISTS "${base}.sh")
        set(scratch "${CMAKE_CURRENT_BINARY_DIR}/examples/${name}")
        file(MAKE_DIRECTORY "${scratch}")
        bastion_row_test(example.${name} "${rows_of_${name}}" LABEL examples ARGS
            "${base}.sh" "$<TARGET_FILE:${name}>" "${scratch}")
    elseif(EXISTS "${base}.expected")
        bastion_row_test(example.${name} "${rows_of_${name}}" LABEL examples ARGS
            "${CMAKE_CURRENT_LIST_DIR}/compare.sh" "$<TARGET_FILE:${name}>" "${base}")
    else()
        message(FATAL_ERROR "The example ${name} has no test: write tests/examples/${name}.expected or ${name}.sh.")
    endif()
endforeach()

bastion_script_test(example.size LABEL checks ARGS "${CMAKE_CURRENT_LIST_DIR}/size.sh" "${PROJECT_SOURCE_DIR}/examples")
