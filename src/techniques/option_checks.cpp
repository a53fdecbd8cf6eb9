#include "techniques/option_checks.h"

#include <string>

#include "reverie/core/error.h"
#include "reverie/core/text.h"

namespace reverie {

void require_option(bool fine, const char* flag, double value, const char* wanted) {
    if (!fine) {
        throw Error(ErrorKind::Usage, std::string(flag) + " is " + human_number(value) + "; wanted " + wanted);
    }
}

}  // namespace reverie
