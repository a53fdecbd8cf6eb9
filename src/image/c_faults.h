// Private: faults of C libraries that leave by longjmp, because an exception must not unwind their frames.
#pragma once

#include <array>
#include <csetjmp>
#include <string>

#include "image/codecs.h"

namespace reverie::image {

/// The library's last complaint and where to jump to then.
struct CFaults {
    std::jmp_buf jump;
    std::array<char, 200> message = {};  // JMSG_LENGTH_MAX of libjpeg
    bool truncated = false;
    bool unsupported = false;  // the message then says what the file holds
};

/// Runs a few calls of the library; false when one of them stopped. Nothing inside may need a destructor.
template <typename Step>
bool completes(CFaults& faults, Step&& step) {
    if (setjmp(faults.jump) != 0) {
        return false;
    }
    step();
    return true;
}

/// The same while reading `name`; throws Input when a call stopped.
template <typename Step>
void guarded(CFaults& faults, const std::string& name, Step&& step) {
    if (completes(faults, step)) {
        return;
    }
    if (faults.truncated) {
        throw_truncated(name);
    }
    if (faults.unsupported) {
        throw_unsupported(name, faults.message.data());
    }
    throw_damaged(name, faults.message.data());
}

}  // namespace reverie::image
