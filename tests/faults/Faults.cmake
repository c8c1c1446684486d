# bastion-faults: `./dev faults [COUNT]` injects 1,000,000 of them, the test some.

add_executable(bastion-faults faults/faults.cpp)
target_include_directories(bastion-faults PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/src")
target_link_libraries(bastion-faults PRIVATE bastion::bastion)
set_target_properties(bastion-faults PROPERTIES CXX_EXTENSIONS OFF)
bastion_warnings(bastion-faults)
add_test(NAME faults.short COMMAND bastion-faults 20000)
set_tests_properties(faults.short PROPERTIES TIMEOUT ${bastion_test_timeout} LABELS faults)
