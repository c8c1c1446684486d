# bastion-numa-guest: `./dev test-numa` runs it inside a kernel with several NUMA nodes. What judges its report is tested here.

add_executable(bastion-numa-guest numa/guest.cpp numa/placement_checks.cpp numa/figures_checks.cpp
    numa/workers_checks.cpp)
target_include_directories(bastion-numa-guest PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/src")
target_link_libraries(bastion-numa-guest PRIVATE bastion::bastion)
set_target_properties(bastion-numa-guest PROPERTIES CXX_EXTENSIONS OFF)
bastion_warnings(bastion-numa-guest)
bastion_script_test(numa.self_test LABEL numa ARGS "${CMAKE_CURRENT_SOURCE_DIR}/numa/self_test.sh")
