# Install rules: library, headers, CMake package, pkg-config file.

include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(bastion_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/Bastion")

install(TARGETS bastion bastion-testing bastion-hardware-faults EXPORT BastionTargets
    ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
    LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
    RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
    FILES_MATCHING PATTERN "*.hpp")
install(EXPORT BastionTargets NAMESPACE bastion:: DESTINATION "${bastion_package_dir}")

configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/BastionConfig.cmake.in"
    "${PROJECT_BINARY_DIR}/BastionConfig.cmake" INSTALL_DESTINATION "${bastion_package_dir}")
# Before 1.0 a new minor version may break its users.
write_basic_package_version_file("${PROJECT_BINARY_DIR}/BastionConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES
    "${PROJECT_BINARY_DIR}/BastionConfig.cmake"
    "${PROJECT_BINARY_DIR}/BastionConfigVersion.cmake"
    "${PROJECT_SOURCE_DIR}/cmake/FindHwloc.cmake"
    DESTINATION "${bastion_package_dir}")

# An archive does not record what it needs. So an install of the archive names its dependencies for every link,
# and `pkg-config --libs` is enough with and without --static. A shared library needs them only for a static link.
# hwloc is named as a library: the private part of Debian's hwloc.pc wants development files that may be missing.
set(bastion_pc_libs "-lhwloc -lboost_context")
get_filename_component(bastion_hwloc_dir "${Hwloc_LIBRARY}" DIRECTORY)
if(NOT bastion_hwloc_dir IN_LIST CMAKE_CXX_IMPLICIT_LINK_DIRECTORIES)
    string(PREPEND bastion_pc_libs "-L${bastion_hwloc_dir} ")
endif()
if(BUILD_SHARED_LIBS)
    set(bastion_pc_dependencies "Requires.private: fmt\nLibs.private: ${bastion_pc_libs}")
    set(bastion_pc_own_libs "-lbastion")
    set(bastion_pc_cflags " -DBASTION_SHARED")
else()
    set(bastion_pc_dependencies "Requires: fmt")
    set(bastion_pc_own_libs "-lbastion ${bastion_pc_libs}")
    set(bastion_pc_cflags "")
endif()

# Inside the prefix the file finds the prefix by its own place, so that the installed tree can be moved.
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
    set(bastion_pc_prefix "${CMAKE_INSTALL_PREFIX}")
    set(bastion_pc_libdir "${CMAKE_INSTALL_LIBDIR}")
else()
    file(RELATIVE_PATH bastion_pc_up "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
    string(REGEX REPLACE "/$" "" bastion_pc_up "${bastion_pc_up}")
    set(bastion_pc_prefix "\${pcfiledir}/${bastion_pc_up}")
    set(bastion_pc_libdir "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
endif()
if(IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
    set(bastion_pc_includedir "${CMAKE_INSTALL_INCLUDEDIR}")
else()
    set(bastion_pc_includedir "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
endif()
configure_file("${PROJECT_SOURCE_DIR}/cmake/bastion.pc.in" "${PROJECT_BINARY_DIR}/bastion.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/bastion.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
