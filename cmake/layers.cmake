# layers.cmake — functions that turn folders of src/ into libraries, tests and fuzzers.

if(VIRGA_TESTS)
  enable_testing()
  find_library(CMOCKA cmocka REQUIRED)
endif()

# virga_tests(<folder> <library>): x_test.c and x_fuzz.c of the folder.
# A test is run with the source folder as working directory. A fuzzer is a libFuzzer program under
# VIRGA_FUZZ; otherwise it replays tests/corpus/<name>/ and is a test.
function(virga_tests FOLDER LIBRARY)
  if(VIRGA_TESTS)
    file(GLOB TESTS CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${FOLDER}/*_test.c)
    foreach(SOURCE IN LISTS TESTS)
      get_filename_component(NAME ${SOURCE} NAME_WE)
      string(REPLACE "/" "_" PREFIX ${FOLDER})
      add_executable(${PREFIX}_${NAME} ${SOURCE})
      target_link_libraries(${PREFIX}_${NAME} PRIVATE ${LIBRARY} ${CMOCKA})
      target_compile_options(${PREFIX}_${NAME} PRIVATE -Wno-missing-prototypes)
      add_test(NAME ${PREFIX}_${NAME} COMMAND ${PREFIX}_${NAME}
        WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    endforeach()
  endif()
  file(GLOB FUZZERS CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${FOLDER}/*_fuzz.c)
  foreach(SOURCE IN LISTS FUZZERS)
    get_filename_component(NAME ${SOURCE} NAME_WE)
    add_executable(${NAME} ${SOURCE})
    target_link_libraries(${NAME} PRIVATE ${LIBRARY})
    target_compile_options(${NAME} PRIVATE -Wno-missing-prototypes)
    if(VIRGA_FUZZ)
      target_link_options(${NAME} PRIVATE -fsanitize=fuzzer)
    else()
      target_sources(${NAME} PRIVATE ${CMAKE_SOURCE_DIR}/tests/unit/replay_corpus.c)
      string(REPLACE "_fuzz" "" CORPUS ${NAME})
      if(VIRGA_TESTS)
        add_test(NAME ${NAME} COMMAND ${NAME} tests/corpus/${CORPUS}
          WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
      endif()
    endif()
  endforeach()
endfunction()

# virga_layer(<folder> LINK <libraries> [TEST_LINK <library>]): src/<folder>/*.c as one static
# library; its tests link TEST_LINK instead when the library alone does not stand.
function(virga_layer FOLDER)
  cmake_parse_arguments(ARG "" "TEST_LINK" "LINK" ${ARGN})
  string(REPLACE "/" "_" LIBRARY ${FOLDER})
  file(GLOB SOURCES CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${FOLDER}/*.c)
  list(FILTER SOURCES EXCLUDE REGEX "_(test|fuzz)\\.c$")
  if(SOURCES)
    add_library(${LIBRARY} STATIC ${SOURCES})
    target_include_directories(${LIBRARY} PUBLIC ${CMAKE_SOURCE_DIR}/src)
    target_link_libraries(${LIBRARY} PUBLIC ${ARG_LINK} Threads::Threads m)
  else()
    add_library(${LIBRARY} INTERFACE)
    target_include_directories(${LIBRARY} INTERFACE ${CMAKE_SOURCE_DIR}/src)
    target_link_libraries(${LIBRARY} INTERFACE ${ARG_LINK} Threads::Threads)
  endif()
  if(ARG_TEST_LINK)
    virga_tests(${FOLDER} ${ARG_TEST_LINK})
  else()
    virga_tests(${FOLDER} ${LIBRARY})
  endif()
endfunction()

# virga_models(): models/*.model through tools/modelc.py into the library `api`, headers in
# <build>/gen/<svc>/<svc>_api.h (included as "<svc>/<svc>_api.h").
function(virga_models)
  file(GLOB MODELS CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/models/*.model)
  set(GENERATED)
  foreach(MODEL IN LISTS MODELS)
    get_filename_component(NAME ${MODEL} NAME_WE)
    set(OUT ${CMAKE_BINARY_DIR}/gen/${NAME})
    add_custom_command(OUTPUT ${OUT}/${NAME}_api.c ${OUT}/${NAME}_api.h
      COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tools/modelc.py ${MODEL} ${OUT}
      DEPENDS ${MODEL} ${CMAKE_SOURCE_DIR}/tools/modelc.py)
    list(APPEND GENERATED ${OUT}/${NAME}_api.c ${OUT}/${NAME}_api.h)
  endforeach()
  if(GENERATED)
    add_library(api STATIC ${GENERATED})
    target_include_directories(api PUBLIC ${CMAKE_SOURCE_DIR}/src ${CMAKE_BINARY_DIR}/gen)
    target_link_libraries(api PUBLIC base)
  else()
    add_library(api INTERFACE)
    target_link_libraries(api INTERFACE base)
  endif()
endfunction()

# virga_services(): every folder of src/service/ as a library, and `services` over them all.
function(virga_services)
  file(GLOB FOLDERS RELATIVE ${CMAKE_SOURCE_DIR}/src/service ${CMAKE_SOURCE_DIR}/src/service/*)
  set(ALL)
  foreach(NAME IN LISTS FOLDERS)
    if(IS_DIRECTORY ${CMAKE_SOURCE_DIR}/src/service/${NAME})
      virga_layer(service/${NAME}
        LINK engine_cfn engine_template engine_events engine_workflow wire
        TEST_LINK services) # engines find what the program lists, services find each other
      list(APPEND ALL service_${NAME})
    endif()
  endforeach()
  virga_layer(service LINK ${ALL} engine_cfn engine_events)
  add_library(services INTERFACE)
  # Services call each other through <svc>_public.h, so the archives are searched as a group.
  target_link_libraries(services INTERFACE -Wl,--start-group service ${ALL} engine_cfn
    engine_template engine_events engine_workflow wire -Wl,--end-group)
endfunction()
