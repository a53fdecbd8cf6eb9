// Expecting our own exception: its kind and a part of its sentence.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "reverie/core/error.h"

namespace reverie::test {

/// Runs `action`, expects Error(kind) and returns its sentence, options named as flags; fails the test otherwise.
template <typename Action>
std::string expect_error(ErrorKind kind, Action&& action) {
    try {
        action();
    } catch (const Error& error) {
        EXPECT_EQ(static_cast<int>(error.kind()), static_cast<int>(kind)) << error.what();
        return with_flag_names(error.sentence());
    } catch (const std::exception& error) {
        ADD_FAILURE() << "another exception than Error: " << error.what();
        return error.what();
    }
    ADD_FAILURE() << "nothing was thrown";
    return "";
}

}  // namespace reverie::test
