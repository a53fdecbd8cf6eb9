#include "core/json_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace reverie {
namespace {

using Json = nlohmann::ordered_json;

TEST(JsonText, StrayBytesOfNamesComeBackAsTheyWere) {
    const Json object = {{"caf\xe9", "\xff/\xc3\xa9/\xf0\x9f\x99\x82/\xe2\x82"}, {"list", {"plain", 3, "\x80"}}};
    EXPECT_EQ(json_text(object),
              "{\"caf\\udce9\":\"\\udcff/\xc3\xa9/\xf0\x9f\x99\x82/\\udce2\\udc82\","
              "\"list\":[\"plain\",3,\"\\udc80\"]}");
    EXPECT_EQ(json_text(object, /*ascii=*/true),
              "{\"caf\\udce9\":\"\\udcff/\\u00e9/\\ud83d\\ude42/\\udce2\\udc82\","
              "\"list\":[\"plain\",3,\"\\udc80\"]}");
    EXPECT_EQ(json_value(json_text(object)), object);
    EXPECT_EQ(json_value(json_text(object, true)), object);
}

TEST(JsonText, WhatIsUtf8IsWrittenAsItIs) {
    // Characters of the last private plane too, and such as are two halves in ASCII.
    for (const std::string text : {"\xf4\x8f\xba\x80", "\xf0\x9f\xb2\x80", "a\\udc80 \"\\\\", "\xed\x9f\xbf"}) {
        const Json value = {text};
        EXPECT_EQ(json_value(json_text(value)), value);
        EXPECT_EQ(json_value(json_text(value, true)), value);
        EXPECT_EQ(Json::parse(json_text(value)), value);
    }
    EXPECT_THROW(json_value("{\"a\": "), Json::parse_error);
    EXPECT_THROW(json_value("\"\\ud800\""), Json::parse_error);
}

TEST(JsonText, OnlyWholeNumbersAreWhole) {
    using nlohmann::json;
    EXPECT_EQ(whole_number_of(json::parse("-12")), -12);
    for (const char* text : {"1.5", "1e27", "1555555555555555073709551515", "\"4\"", "null", "true"}) {
        EXPECT_THROW(whole_number_of(json::parse(text)), json::type_error) << text;
    }
}

}  // namespace
}  // namespace reverie
