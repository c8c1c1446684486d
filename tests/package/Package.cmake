# Programs that use Bastion from outside, in every way the documentation names. run.sh does the work.

function(bastion_package_test name)
    bastion_script_test(package.${name} LABEL package ARGS
        "${CMAKE_CURRENT_SOURCE_DIR}/package/run.sh" ${name} "${CMAKE_COMMAND}" "${PROJECT_SOURCE_DIR}"
        "${PROJECT_BINARY_DIR}" "${CMAKE_CURRENT_BINARY_DIR}/package" "${CMAKE_CXX_COMPILER}"
        "${CMAKE_CXX_COMPILER_LAUNCHER}")
    # Some of them compile the whole library.
    set_tests_properties(package.${name} PROPERTIES TIMEOUT 600)
endfunction()

foreach(kind IN ITEMS static shared)
    bastion_package_test(install_${kind})
    set_tests_properties(package.install_${kind} PROPERTIES FIXTURES_SETUP install_${kind})
    foreach(way IN ITEMS find_package pkg_config)
        bastion_package_test(${way}_${kind})
        set_tests_properties(package.${way}_${kind} PROPERTIES FIXTURES_REQUIRED install_${kind})
    endforeach()
endforeach()
bastion_package_test(add_subdirectory)
bastion_package_test(fetch_content)
