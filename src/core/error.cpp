#include "reverie/core/error.h"

namespace reverie {

int exit_code(ErrorKind kind) noexcept {
    switch (kind) {
        case ErrorKind::Internal:
            return 1;
        case ErrorKind::Usage:
            return 2;
        case ErrorKind::Input:
            return 3;
        case ErrorKind::Weights:
            return 4;
        case ErrorKind::Device:
            return 5;
        case ErrorKind::Output:
            return 6;
        case ErrorKind::Cancelled:
            return 130;
    }
    return 1;
}

}  // namespace reverie
