# bastion-differential: `./dev differential` runs it beside a real Erlang. The build needs none.

file(GLOB differential_sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/differential/*.cpp")
add_library(bastion-differential-objects OBJECT ${differential_sources})
target_include_directories(bastion-differential-objects PUBLIC "${CMAKE_CURRENT_SOURCE_DIR}")
target_include_directories(bastion-differential-objects SYSTEM PUBLIC "${RAPIDCHECK_INCLUDE_DIR}")
target_link_libraries(bastion-differential-objects PUBLIC bastion::bastion "${RAPIDCHECK_LIBRARY}")
set_target_properties(bastion-differential-objects PROPERTIES CXX_EXTENSIONS OFF)
bastion_warnings(bastion-differential-objects)
add_executable(bastion-differential $<TARGET_OBJECTS:bastion-differential-objects>)
target_link_libraries(bastion-differential PRIVATE bastion-differential-objects)

# planted/<name>.bug describes a difference, as in tests/planted: the program once more with a library that has it.
file(GLOB differential_bugs CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/differential/planted/*.bug")
foreach(bug IN LISTS differential_bugs)
    get_filename_component(name "${bug}" NAME_WE)
    file(STRINGS "${bug}" file REGEX "^file: ")
    string(REPLACE "file: " "" file "${file}")
    set(planted "${CMAKE_CURRENT_BINARY_DIR}/differential/${name}/${file}")
    set(plant "${CMAKE_CURRENT_SOURCE_DIR}/planted/plant.sh")
    add_custom_command(OUTPUT "${planted}"
        COMMAND sh "${plant}" "${bug}" "${PROJECT_SOURCE_DIR}" "${planted}"
        DEPENDS "${bug}" "${plant}" "${PROJECT_SOURCE_DIR}/${file}"
        VERBATIM)
    # Its object comes before the archive's of the same name.
    add_executable(bastion-differential-${name} EXCLUDE_FROM_ALL
        "${planted}" $<TARGET_OBJECTS:bastion-differential-objects>)
    target_include_directories(bastion-differential-${name} PRIVATE "${PROJECT_SOURCE_DIR}/src")
    target_link_libraries(bastion-differential-${name} PRIVATE bastion-differential-objects)
    set_target_properties(bastion-differential-${name} PROPERTIES CXX_EXTENSIONS OFF)
endforeach()
