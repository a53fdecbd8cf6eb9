if(REVERIE_SANITIZE)
    add_compile_options(-fsanitize=${REVERIE_SANITIZE} -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${REVERIE_SANITIZE})
endif()
