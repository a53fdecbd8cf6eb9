// Part of every program, not of the library: memory may run out while the libraries are being initialised, which is
// before main() and so before anything of ours could catch it.
#include <cxxabi.h>
#include <unistd.h>

#include <cstring>
#include <exception>
#include <new>
#include <typeinfo>

namespace {

constexpr int kExitOfDevice = 5;

std::terminate_handler g_usual = nullptr;

[[noreturn]] void on_early_terminate() {
    const std::type_info* const type = abi::__cxa_current_exception_type();
    if (type != nullptr && (*type == typeid(std::bad_alloc) || *type == typeid(std::bad_array_new_length))) {
        constexpr const char* kSentence =
            "error: memory ran out while the program was being loaded; raise this process's limit of address space "
            "(ulimit -v) or close other programs\n";
        const ssize_t ignored = ::write(STDERR_FILENO, kSentence, std::strlen(kSentence));
        static_cast<void>(ignored);
        ::_exit(kExitOfDevice);
    }
    g_usual();
    ::_exit(1);  // it does not return
}

/// Runs before every initialiser of every library; all it calls is an exchange of two pointers.
__attribute__((no_sanitize("address", "undefined"))) void watch(int /*argc*/, char** /*argv*/, char** /*environment*/) {
    g_usual = std::set_terminate(on_early_terminate);
}

using Early = void (*)(int, char**, char**);
__attribute__((section(".preinit_array"), used)) const Early g_early = watch;

}  // namespace
