# Checks of the sources themselves. `./dev lint` runs the same scripts.

bastion_script_test(layers.order LABEL checks ARGS
    "${CMAKE_CURRENT_SOURCE_DIR}/layers/check.sh" "${PROJECT_SOURCE_DIR}")
bastion_script_test(layers.self_test LABEL checks ARGS "${CMAKE_CURRENT_SOURCE_DIR}/layers/self_test.sh")
bastion_script_test(hazards.lint LABEL checks ARGS
    "${CMAKE_CURRENT_SOURCE_DIR}/hazards/lint.sh" "${PROJECT_SOURCE_DIR}")
bastion_script_test(hazards.lint_self_test LABEL checks ARGS "${CMAKE_CURRENT_SOURCE_DIR}/hazards/lint_self_test.sh")
bastion_script_test(planted.apply LABEL checks ARGS
    "${CMAKE_CURRENT_SOURCE_DIR}/planted/apply.sh" "${PROJECT_SOURCE_DIR}")
bastion_script_test(planted.rows LABEL checks ARGS
    "${CMAKE_CURRENT_SOURCE_DIR}/planted/rows.sh" "${PROJECT_SOURCE_DIR}" check)
bastion_script_test(figures.pages LABEL checks ARGS
    "${CMAKE_CURRENT_SOURCE_DIR}/figures/check.sh" "${PROJECT_SOURCE_DIR}")
bastion_script_test(card.runner LABEL checks ARGS "${CMAKE_CURRENT_SOURCE_DIR}/card/runner.sh" "${PROJECT_SOURCE_DIR}")
bastion_script_test(card.report LABEL checks ARGS "${CMAKE_CURRENT_SOURCE_DIR}/card/report.sh" "${PROJECT_SOURCE_DIR}")
bastion_script_test(card.page LABEL checks ARGS
    "${PROJECT_SOURCE_DIR}/benchmarks/report/page.sh" check "${PROJECT_SOURCE_DIR}" card/rows.txt)
bastion_script_test(curves.runner LABEL checks ARGS
    "${CMAKE_CURRENT_SOURCE_DIR}/curves/runner.sh" "${PROJECT_SOURCE_DIR}")
bastion_script_test(curves.report LABEL checks ARGS
    "${CMAKE_CURRENT_SOURCE_DIR}/curves/report.sh" "${PROJECT_SOURCE_DIR}")
bastion_script_test(curves.page LABEL checks ARGS
    "${PROJECT_SOURCE_DIR}/benchmarks/report/page.sh" check "${PROJECT_SOURCE_DIR}" curves/curves.txt)
bastion_script_test(docs.coming_from_rust LABEL checks ARGS
    "${CMAKE_CURRENT_SOURCE_DIR}/docs/coming_from_rust.sh" "${PROJECT_SOURCE_DIR}")
bastion_script_test(docs.callbacks LABEL checks ARGS
    "${CMAKE_CURRENT_SOURCE_DIR}/docs/callbacks.sh" "${PROJECT_SOURCE_DIR}")
bastion_row_test(docs.life_cycle C11 LABEL checks ARGS
    "${CMAKE_CURRENT_SOURCE_DIR}/docs/life_cycle.sh" "${PROJECT_SOURCE_DIR}")
bastion_row_test(docs.promises C9 LABEL checks ARGS
    "${CMAKE_CURRENT_SOURCE_DIR}/docs/promises.sh" "${PROJECT_SOURCE_DIR}")
bastion_script_test(process.awaitables LABEL checks ARGS
    "${CMAKE_CURRENT_SOURCE_DIR}/process/awaitables.sh" "${PROJECT_SOURCE_DIR}")
if(TARGET bastion-topology AND NOT CMAKE_CROSSCOMPILING)
    bastion_script_test(tools.topology LABEL topology ARGS
        "${CMAKE_CURRENT_SOURCE_DIR}/topology/tool.sh" $<TARGET_FILE:bastion-topology>)
endif()
