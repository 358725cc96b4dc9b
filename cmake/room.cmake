# admit_room(NAME [ROOMS room...] [LIBRARIES lib...])
# Declares the library of one room from the sources beside it, and from its *_test.cpp files one unit-test
# program NAME_test. Folder = namespace = library; ROOMS are the only rooms whose headers it may include.
find_package(PkgConfig REQUIRED)
# Rooms of glue: under a sanitizer their code is left unoptimised, which builds them in half the time.
set(ADMIT_GLUE_ROOMS api app job mail)
if(NOT ADMIT_FUZZ)
  list(APPEND ADMIT_GLUE_ROOMS payment)  # a fuzzer's own subject stays fast
endif()
# A library found by one room can be named by the next.
set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL ON)

function(admit_room name)
  cmake_parse_arguments(ROOM "" "" "ROOMS;LIBRARIES" ${ARGN})
  file(GLOB_RECURSE all CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  set(sources ${all})
  list(FILTER sources EXCLUDE REGEX "_test\\.cpp$|/main\\.cpp$")
  set(tests ${all})
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")

  set(links ${ROOM_LIBRARIES})
  foreach(room IN LISTS ROOM_ROOMS)
    list(APPEND links admit_${room})
  endforeach()

  if(sources)
    add_library(admit_${name} STATIC ${sources})
    target_include_directories(admit_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src)
    target_link_libraries(admit_${name} PUBLIC ${links})
    if(ADMIT_SANITIZE AND name IN_LIST ADMIT_GLUE_ROOMS)
      target_compile_options(admit_${name} PRIVATE -O0)
    endif()
  else()
    add_library(admit_${name} INTERFACE)
    target_include_directories(admit_${name} INTERFACE ${PROJECT_SOURCE_DIR}/src)
    target_link_libraries(admit_${name} INTERFACE ${links})
  endif()

  if(ADMIT_TESTS AND tests)
    add_executable(${name}_test ${tests} ${PROJECT_SOURCE_DIR}/tests/unit_main.cpp)
    target_link_libraries(${name}_test PRIVATE admit_${name})
    if(ADMIT_SANITIZE AND NOT ADMIT_FUZZ)
      target_compile_options(${name}_test PRIVATE -O0)
    endif()
    add_test(NAME ${name} COMMAND ${name}_test)
    set_property(GLOBAL APPEND PROPERTY ADMIT_UNIT_TESTS ${name}_test)
  endif()
endfunction()
