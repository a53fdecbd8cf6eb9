// Part of every program, not of the library: what must be said before OpenMP's library is initialised, which is before
// main().
//
// LibTorch's threads wait for one another in a busy loop of about a millisecond before they sleep. On cores that are
// shared with other work that loop keeps the very thread that is waited for from running, and small pictures take ten
// times as long (measured under load). How long the loop is, GNU's OpenMP takes from the environment alone, and once;
// so for that moment another variable, one that no library reads, makes room for it. (To start the program a second
// time with another environment would cost a third of a second; idle threads beyond the number of cores, which shorten
// the loop too, count against the limits of users.)
#include <initializer_list>

#define REVERIE_EARLY __attribute__((no_sanitize("address", "undefined")))

namespace {

char** g_borrowed = nullptr;
char* g_lender = nullptr;

REVERIE_EARLY bool begins_with(const char* text, const char* start) {
    while (*start != '\0' && *text == *start) {
        ++text;
        ++start;
    }
    return *start == '\0';
}

REVERIE_EARLY char** find(char** environment, const char* start) {
    for (char** entry = environment; *entry != nullptr; ++entry) {
        if (begins_with(*entry, start)) {
            return entry;
        }
    }
    return nullptr;
}

/// Runs before every initialiser of every library, the C library's included: nothing can be called yet.
REVERIE_EARLY void say_how_to_wait(int /*argc*/, char** /*argv*/, char** environment) {
    static char briefly[] = "GOMP_SPINCOUNT=100";  // what OpenMP itself takes when it has more threads than cores
    for (const char* of_the_user : {"GOMP_SPINCOUNT=", "OMP_WAIT_POLICY="}) {
        if (find(environment, of_the_user) != nullptr) {
            return;
        }
    }
    for (const char* lender : {"_=", "SHLVL=", "OLDPWD=", "PWD=", "LOGNAME=", "USER=", "TERM=", "PATH="}) {
        if (char** entry = find(environment, lender)) {
            g_borrowed = entry;
            g_lender = *entry;
            *entry = briefly;
            return;
        }
    }
}

/// Runs after all libraries are initialised.
__attribute__((constructor)) void give_back() {
    if (g_borrowed != nullptr) {
        *g_borrowed = g_lender;
    }
}

using Early = void (*)(int, char**, char**);
__attribute__((section(".preinit_array"), used)) const Early g_early = say_how_to_wait;

}  // namespace
