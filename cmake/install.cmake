# What `cmake --install` puts where, below the prefix (src/cli/settings.cpp looks there, from the program's own folder):
#   bin/imgforge                      libexec/imgforge/imgforge-probe    share/imgforge/layers, share/imgforge/schema
#   share/man/man1/imgforge*.1.gz     completions of bash, zsh and fish  share/doc/imgforge
find_package(Python3 COMPONENTS Interpreter REQUIRED)

install(TARGETS imgforge DESTINATION ${CMAKE_INSTALL_BINDIR})
# As it was built, never stripped again: its sha256 stands in locks.
install(PROGRAMS $<TARGET_FILE:imgforge_probe> DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/imgforge)
install(DIRECTORY layers DESTINATION ${CMAKE_INSTALL_DATADIR}/imgforge)
install(DIRECTORY docs/schema/ DESTINATION ${CMAKE_INSTALL_DATADIR}/imgforge/schema)
install(FILES tools/uv.txt DESTINATION ${CMAKE_INSTALL_DATADIR}/imgforge)
install(DIRECTORY docs examples DESTINATION ${CMAKE_INSTALL_DOCDIR}
  PATTERN "docs/tools" EXCLUDE PATTERN "__pycache__" EXCLUDE)
install(FILES README.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

# Manual pages and completions come from the program's own table of commands.
set(said ${PROJECT_BINARY_DIR}/said)
file(MAKE_DIRECTORY ${said})
add_custom_command(OUTPUT ${said}/man/imgforge.1.gz
  COMMAND Python3::Interpreter ${PROJECT_SOURCE_DIR}/docs/tools/reference.py $<TARGET_FILE:imgforge> man ${said}/man
  DEPENDS imgforge ${PROJECT_SOURCE_DIR}/docs/tools/reference.py
  COMMENT "Writing the manual pages" VERBATIM)
set(completions)
foreach(shell bash zsh fish)
  add_custom_command(OUTPUT ${said}/imgforge.${shell}
    COMMAND $<TARGET_FILE:imgforge> completion ${shell} > ${said}/imgforge.${shell}
    DEPENDS imgforge VERBATIM)
  list(APPEND completions ${said}/imgforge.${shell})
endforeach()
add_custom_target(imgforge_said ALL DEPENDS ${said}/man/imgforge.1.gz ${completions})

install(DIRECTORY ${said}/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${said}/imgforge.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME imgforge)
install(FILES ${said}/imgforge.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
# zsh looks into site-functions of /usr/local; in Debian's /usr it is vendor-completions.
install(CODE "
  set(folder site-functions)
  if(CMAKE_INSTALL_PREFIX MATCHES \"/usr$\")
    set(folder vendor-completions)
  endif()
  file(INSTALL DESTINATION \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_DATADIR}/zsh/\${folder}\" TYPE FILE
       RENAME _imgforge FILES \"${said}/imgforge.zsh\")")
