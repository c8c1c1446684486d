# bastion-soak: `./dev soak --minutes N` runs it for long, the test for a few seconds.

add_executable(bastion-soak soak/soak.cpp)
target_include_directories(bastion-soak PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/src")
target_link_libraries(bastion-soak PRIVATE bastion::bastion)
set_target_properties(bastion-soak PROPERTIES CXX_EXTENSIONS OFF)
bastion_warnings(bastion-soak)
add_test(NAME soak.short COMMAND bastion-soak --seconds 4)
set_tests_properties(soak.short PROPERTIES TIMEOUT ${bastion_test_timeout} LABELS soak)
