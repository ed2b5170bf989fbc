# luthier_module(NAME SOURCES a.cc ... [DEPS target ...] [PCH header ...])
#   One static library per folder, with our warnings; DEPS are public.
# luthier_program(NAME SOURCES main.cc ... [DEPS target ...])
#   An executable in out/bin.
# luthier_test(NAME SOURCES x_test.cc ... [DEPS target ...] [LABELS unit] [TIMEOUT seconds])
#   A GoogleTest program, registered with ctest as one test.

add_library(luthier_warnings INTERFACE)
target_compile_options(luthier_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror
  -Wno-missing-field-initializers  # designated initialisers leave defaults on purpose
  $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)  # GCC 12 reports std::optional members falsely at -O2

function(luthier_module name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;PCH" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PUBLIC ${ARG_DEPS} PRIVATE luthier_warnings)
  if(ARG_PCH)
    target_precompile_headers(${name} PRIVATE ${ARG_PCH})
  endif()
endfunction()

function(luthier_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} luthier_warnings)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${LUTHIER_BIN_DIR})
endfunction()

function(luthier_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;DEPS;LABELS" ${ARGN})
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} luthier_warnings GTest::gmock GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE
    LUTHIER_SOURCE_DIR="${PROJECT_SOURCE_DIR}" LUTHIER_BIN_DIR="${LUTHIER_BIN_DIR}")
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT})
endfunction()
