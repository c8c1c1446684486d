# Small programs that are installed beside the library.

add_executable(bastion-topology "${PROJECT_SOURCE_DIR}/src/tools/topology.cpp")
target_link_libraries(bastion-topology PRIVATE bastion)
set_target_properties(bastion-topology PROPERTIES CXX_EXTENSIONS OFF)
bastion_warnings(bastion-topology)
if(BASTION_INSTALL)
    install(TARGETS bastion-topology RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
endif()
