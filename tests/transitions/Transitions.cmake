# bastion-test-transitions: the random trees once more, in a program whose library counts each transition of the life
# cycle where it is made. So that nothing of the library as it ships is mixed with it, all that knows of the life cycle is
# compiled again: everything but the layers below `process` (tests/layers keeps them apart from it).

file(GLOB transitions_sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/transitions/*.cpp"
    "${CMAKE_CURRENT_SOURCE_DIR}/testing/random_*.cpp")
set(transitions_library ${bastion_sources} ${bastion_testing_sources})
list(FILTER transitions_library EXCLUDE REGEX "/src/(base|topology|executor)/")
# Objects, for planted bugs, too: built when somebody needs them.
add_library(bastion-transitions OBJECT EXCLUDE_FROM_ALL ${transitions_library} ${transitions_sources})
target_compile_definitions(bastion-transitions PRIVATE BASTION_COUNT_TRANSITIONS)
target_link_libraries(bastion-transitions PRIVATE bastion-test-support)
set_target_properties(bastion-transitions PROPERTIES CXX_EXTENSIONS OFF)
bastion_warnings(bastion-transitions)

if(CMAKE_BUILD_TYPE STREQUAL "Release") # one lane is enough; there a thousand seeds take ten seconds
    add_executable(bastion-test-transitions $<TARGET_OBJECTS:bastion-transitions>)
    target_link_libraries(bastion-test-transitions PRIVATE bastion-test-support)
    catch_discover_tests(bastion-test-transitions TEST_PREFIX "transitions."
        PROPERTIES TIMEOUT ${bastion_test_timeout} LABELS testing FAIL_REGULAR_EXPRESSION "No tests ran")
endif()
