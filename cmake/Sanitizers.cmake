set(REVERIE_SLOWNESS 1)  # of the tests: what their time is multiplied by
if(REVERIE_SANITIZE)
    add_compile_options(-fsanitize=${REVERIE_SANITIZE} -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${REVERIE_SANITIZE})
    set(REVERIE_SLOWNESS 6)
endif()
