#include "check.h"

namespace reverie::test {

std::vector<Check> run_checks() { return {}; }

}  // namespace reverie::test
