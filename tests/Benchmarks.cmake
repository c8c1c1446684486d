# Each line of benchmarks/smoke.txt holds the arguments of one short run of bastion-bench; '#' begins a comment.

set(smoke_list "${PROJECT_SOURCE_DIR}/benchmarks/smoke.txt")
if(TARGET bastion-bench AND NOT EXISTS "${smoke_list}")
    message(FATAL_ERROR "benchmarks/smoke.txt is missing: every benchmark needs a smoke test.")
endif()
if(TARGET bastion-bench)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${smoke_list}")
    file(STRINGS "${smoke_list}" lines)
    foreach(line IN LISTS lines)
        if(line MATCHES "^[ \t]*(#.*)?$")
            continue()
        endif()
        separate_arguments(arguments UNIX_COMMAND "${line}")
        string(REPLACE ";" "." name "${arguments}")
        add_test(NAME "bench.smoke.${name}" COMMAND bastion-bench ${arguments})
        set_tests_properties("bench.smoke.${name}" PROPERTIES TIMEOUT ${bastion_test_timeout} LABELS bench)
    endforeach()
    bastion_script_test(card.rows LABEL bench ARGS
        "${CMAKE_CURRENT_SOURCE_DIR}/card/rows.sh" "${PROJECT_SOURCE_DIR}" $<TARGET_FILE:bastion-bench>)
endif()
if(TARGET bastion-curves)
    set(curves "${PROJECT_SOURCE_DIR}/benchmarks/curves")
    bastion_script_test(curves.points LABEL bench ARGS
        "${CMAKE_CURRENT_SOURCE_DIR}/curves/points.sh" "${PROJECT_SOURCE_DIR}" $<TARGET_FILE:bastion-curves>)
    # Two small points of each curve, with 1 and with 2 workers: whether they run, and what they count is right.
    bastion_script_test(curves.quick LABEL bench ARGS "${curves}/run.sh" --quick
        --program $<TARGET_FILE:bastion-curves> --out "${CMAKE_CURRENT_BINARY_DIR}/curves")
endif()
