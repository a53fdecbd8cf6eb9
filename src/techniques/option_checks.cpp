#include "techniques/option_checks.h"

#include <string>

#include "reverie/core/error.h"

namespace reverie {

void require_option(bool fine, const char* flag, double value, const char* wanted) {
    if (!fine) {
        std::string number = std::to_string(value);
        number.erase(number.find_last_not_of('0') + 1);
        number.erase(number.find_last_not_of('.') + 1);
        throw Error(ErrorKind::Usage, std::string(flag) + " is " + number + "; wanted " + wanted);
    }
}

}  // namespace reverie
