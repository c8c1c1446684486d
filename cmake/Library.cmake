# The target bastion::bastion.

find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(Hwloc REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS context)

include(GNUInstallDirs)

file(GLOB_RECURSE bastion_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/*.cpp")
file(GLOB_RECURSE bastion_headers CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/include/*.hpp")
list(FILTER bastion_sources EXCLUDE REGEX "/src/(testing|tools)/")
add_library(bastion ${bastion_sources} ${bastion_headers})
# What runs at the start of a program, when somebody looks, or when something has gone wrong, is compiled for size: tests/footprint.
file(GLOB bastion_unhurried CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/topology/*.cpp" "${PROJECT_SOURCE_DIR}/src/runtime/*.cpp"
    "${PROJECT_SOURCE_DIR}/src/supervision/snapshot*.cpp" "${PROJECT_SOURCE_DIR}/src/supervision/crash*.cpp"
    "${PROJECT_SOURCE_DIR}/src/supervision/look.cpp")
list(FILTER bastion_unhurried EXCLUDE REGEX "/runtime/runtime[.]cpp$") # has coroutines
set_source_files_properties(${bastion_unhurried} PROPERTIES COMPILE_OPTIONS "$<$<CONFIG:Release>:-Os>")
add_library(bastion::bastion ALIAS bastion)

target_compile_features(bastion PUBLIC cxx_std_20)
set_target_properties(bastion PROPERTIES
    CXX_EXTENSIONS OFF
    CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON
    VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
target_include_directories(bastion
    PUBLIC "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>" "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>"
    PRIVATE "${PROJECT_SOURCE_DIR}/src")
target_link_libraries(bastion PUBLIC Threads::Threads PRIVATE fmt::fmt Hwloc::hwloc Boost::context)
if(NOT BUILD_SHARED_LIBS AND CMAKE_OBJCOPY AND NOT CMAKE_INTERPROCEDURAL_OPTIMIZATION)
    # Sections of its own: who handles a stack overflow tells its code from the program's (src/executor/overflow_boundary.cpp).
    add_custom_command(TARGET bastion POST_BUILD VERBATIM COMMAND "${CMAKE_OBJCOPY}"
        --rename-section .text=bastion_text --rename-section .text.hot=bastion_text
        --rename-section .text.unlikely=bastion_cold --rename-section .text.startup=bastion_cold "$<TARGET_FILE:bastion>")
endif()
if(BUILD_SHARED_LIBS)
    target_compile_definitions(bastion PUBLIC BASTION_SHARED PRIVATE BASTION_BUILDING)
endif()
bastion_warnings(bastion)

# The target bastion::hardware_faults: linked by every target of a program whose processes shall survive hardware faults.
# Only g++ can throw from an instruction that is no call; elsewhere the runtime says that it is not available.
add_library(bastion-hardware-faults INTERFACE)
add_library(bastion::hardware_faults ALIAS bastion-hardware-faults)
set_target_properties(bastion-hardware-faults PROPERTIES EXPORT_NAME hardware_faults)
target_compile_definitions(bastion-hardware-faults INTERFACE BASTION_HARDWARE_FAULTS)
target_compile_options(bastion-hardware-faults INTERFACE
    "$<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fnon-call-exceptions>"
    "$<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fasynchronous-unwind-tables>")
target_link_libraries(bastion-hardware-faults INTERFACE bastion)

# The target bastion::testing: the simulator, for the tests of programs. An archive in any case: a test needs no more.
file(GLOB bastion_testing_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/testing/*.cpp")
add_library(bastion-testing STATIC ${bastion_testing_sources})
add_library(bastion::testing ALIAS bastion-testing)
set_target_properties(bastion-testing PROPERTIES EXPORT_NAME testing CXX_EXTENSIONS OFF)
target_include_directories(bastion-testing PRIVATE "${PROJECT_SOURCE_DIR}/src")
target_link_libraries(bastion-testing PUBLIC bastion)
bastion_warnings(bastion-testing)
