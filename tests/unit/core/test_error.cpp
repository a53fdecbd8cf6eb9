#include <gtest/gtest.h>

#include "reverie/core/error.h"

namespace reverie {

TEST(Error, KindsMapToTheDocumentedExitCodes) {
    EXPECT_EQ(exit_code(ErrorKind::Internal), 1);
    EXPECT_EQ(exit_code(ErrorKind::Usage), 2);
    EXPECT_EQ(exit_code(ErrorKind::Input), 3);
    EXPECT_EQ(exit_code(ErrorKind::Weights), 4);
    EXPECT_EQ(exit_code(ErrorKind::Device), 5);
    EXPECT_EQ(exit_code(ErrorKind::Output), 6);
    EXPECT_EQ(exit_code(ErrorKind::Cancelled), 130);
}

TEST(Error, CarriesItsKindAndSentence) {
    const Error error(ErrorKind::Input, "'a.jpg' is empty");
    EXPECT_EQ(error.kind(), ErrorKind::Input);
    EXPECT_STREQ(error.what(), "'a.jpg' is empty");
}

}  // namespace reverie
