# `cpack --preset release` (or `cpack --config BUILD/CPackConfig.cmake`): a Debian package of what is built.
# tests/package/test_deb.py looks at it.
set(IMGFORGE_MAINTAINER "imgforge developers <developers@imgforge.example>" CACHE STRING
    "Who stands behind the Debian package: name and address")

# Debian's own files, with the maintainer in the changelog.
set(debian ${PROJECT_BINARY_DIR}/debian)
configure_file(cmake/debian/changelog.in ${debian}/changelog @ONLY)
configure_file(cmake/debian/copyright ${debian}/copyright COPYONLY)
find_program(GZIP_PROGRAM gzip REQUIRED)
add_custom_command(OUTPUT ${debian}/changelog.gz
  COMMAND ${GZIP_PROGRAM} -9nkf ${debian}/changelog DEPENDS ${debian}/changelog VERBATIM)
add_custom_target(imgforge_debian ALL DEPENDS ${debian}/changelog.gz)
install(FILES ${debian}/copyright ${debian}/changelog.gz DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT debian EXCLUDE_FROM_ALL)

install(FILES cmake/debian/lintian-overrides DESTINATION ${CMAKE_INSTALL_DATADIR}/lintian/overrides RENAME imgforge
  COMPONENT debian EXCLUDE_FROM_ALL)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME imgforge)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT ${IMGFORGE_MAINTAINER})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "OCI images for GPU work, from a locked specification")
set(CPACK_PACKAGE_DESCRIPTION "imgforge builds container images from a declared and locked
specification, the same bytes every time, names them by what is in them,
signs them, keeps them in a registry, and promotes them deliberately.
Every image carries a small program that says whether GPU, driver and
libraries are what the image promises.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL Unspecified debian)
set(CPACK_COMPONENTS_GROUPING ALL_COMPONENTS_IN_ONE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_NAME imgforge)
set(CPACK_DEBIAN_PACKAGE_SECTION devel)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
# Libraries by what the program links; the rest is what `imgforge doctor` asks for. Only lock and build need the programs.
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "ca-certificates")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS
    "apt, gpgv, mmdebstrap, bubblewrap, uidmap, xz-utils, zstd, git, python3-venv, debian-archive-keyring")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "podman, skopeo")
include(CPack)
